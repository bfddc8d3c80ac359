import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from toolery import Bench, Came, Upstream, bench, context, tool

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.operation import Operation, Parameter, written
from antiphon.agents.tools.settings import ToolSpec
from antiphon.core.request import Trace
from antiphon.net.client import Client

ID = {"type": "object", "properties": {"id": {"type": "string"}, "page": {"type": "integer"}}, "required": ["id"]}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.close()


def with_http(client: Client, url: str, parameters: dict[str, Any], **more: Any) -> Bench:
    top = {name: more.pop(name) for name in ("retries", "effect", "timeout_s") if name in more}
    return bench(tool("crm", parameters=parameters, http={"url": url, **more}, **top), parts={"transport": client})


async def test_arguments_go_into_path_and_query_and_the_json_comes_back(client: Client, upstream: Upstream) -> None:
    upstream.answers = lambda _: (200, "application/json; charset=utf-8", b'{"data": {"name": "Ann"}, "n": 1}')
    made = with_http(client, f"{upstream.url}/customers/{{id}}", ID, take="/data")
    result = await made.call("crm", id="a/b c", page=2)
    (came,) = upstream.came
    assert (came.method, came.target) == ("GET", "/customers/a%2Fb%20c?page=2")
    assert came.headers["host"] == upstream.url.removeprefix("http://")
    assert (result.data, result.text) == ({"name": "Ann"}, '{"name":"Ann"}')


async def test_a_request_goes_in_the_trace_that_it_is_called_within(client: Client, upstream: Upstream) -> None:
    made = with_http(client, f"{upstream.url}/customers/{{id}}", ID)
    trace = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True)
    await made.at("crm", {"id": "a"}, replace(context(made.clock), trace=trace))
    await made.call("crm", id="b")
    first, second = upstream.came
    assert first.headers["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert "traceparent" not in second.headers


@pytest.mark.parametrize("value", ["..", ".", "", "a\r\nX: y", "\x00"])
async def test_no_argument_leads_out_of_its_place_in_the_path(client: Client, upstream: Upstream, value: str) -> None:
    made = with_http(client, f"{upstream.url}/customers/{{id}}/orders", ID)
    result = await made.call("crm", id=value)
    assert (result.failed, upstream.came) == ("invalid_arguments", [])


@pytest.mark.parametrize("value", ["//evil.example/", "@evil.example", "?x=1#", "%2e%2e", "{page}", "..\\.."])
async def test_no_argument_changes_host_or_path(client: Client, upstream: Upstream, value: str) -> None:
    made = with_http(client, f"{upstream.url}/customers/{{id}}/orders", ID)
    assert (await made.call("crm", id=value)).failed == ""
    target = upstream.came[0].target
    assert target.startswith("/customers/")
    assert target.endswith("/orders")
    assert target.count("/") == 3
    assert "?" not in target


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=30))
def test_a_part_of_a_path_stays_one_part_and_means_what_it_meant(text: str) -> None:
    operation = Operation(
        method="GET",
        server="https://crm.example/v1",
        path="/a/{id}/b",
        parameters=(
            Parameter(argument="id", name="id", place="path"),
            Parameter(argument="q", name="q", place="query"),
        ),
    )
    try:
        line = written(operation, {"id": text, "q": text}, "k").head.split(b"\r\n")[0].decode("ascii")
    except ToolFailed:
        return
    target = urlsplit(line.split(" ")[1])
    assert [unquote(one) for one in target.path.split("/")] == ["", "v1", "a", text, "b"]
    assert parse_qsl(target.query, keep_blank_values=True) == [("q", text)]


async def test_a_body_is_json_or_a_form_and_headers_hold_no_line_ends(client: Client, upstream: Upstream) -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}, "X-Trace": {"type": "string"}}}
    made = with_http(client, f"{upstream.url}/x", schema, method="POST", places={"X-Trace": "header"})
    await made.call("crm", a=1, b=["x"], **{"X-Trace": "t1"})
    came = upstream.came[0]
    assert (came.headers["content-type"], msgspec.json.decode(came.body)) == ("application/json", {"a": 1, "b": ["x"]})
    assert came.headers["x-trace"] == "t1"
    refused = await made.call("crm", **{"X-Trace": "t\r\nHost: evil.example"})
    assert (refused.failed, len(upstream.came)) == ("invalid_arguments", 1)
    form = with_http(client, f"{upstream.url}/x", schema, method="POST", body="form")
    await form.call("crm", a=1, b=["x", "y z"])
    assert upstream.came[1].body == b"a=1&b=x&b=y+z"


@pytest.mark.parametrize(
    ("auth", "header", "said"),
    [
        ({"kind": "bearer", "value": "${env:CRM_TOKEN}"}, "authorization", "Bearer t0ken"),
        ({"kind": "basic", "user": "u", "value": "${env:CRM_TOKEN}"}, "authorization", "Basic dTp0MGtlbg=="),
        ({"kind": "header", "name": "X-Api-Key", "value": "k-${env:CRM_TOKEN}"}, "x-api-key", "k-t0ken"),
    ],
)
async def test_it_says_who_it_is_by_a_secret_of_the_environment(
    client: Client, upstream: Upstream, auth: Any, header: str, said: str
) -> None:
    made = with_http(client, f"{upstream.url}/x", ID, auth=auth)
    await made.call("crm", id="1")
    assert upstream.came[0].headers[header] == said


def test_a_secret_that_is_not_set_makes_the_tool_unready_and_one_written_out_is_refused() -> None:
    auth = {"kind": "bearer", "value": "${env:NO_SUCH}"}
    made = bench(
        tool("crm", parameters=ID, http={"url": "https://x.example/{id}", "auth": auth}), parts={"transport": object()}
    )
    assert made.box.names() == ()
    assert made.box.unready["crm"] == "${env:NO_SUCH} is not set; set it where the gateway runs"
    spec = msgspec.convert(
        {"http": {"url": "https://x.example/", "auth": {"kind": "bearer", "value": "abc"}}}, ToolSpec
    )
    assert [path for path, _, _ in spec.check()] == ["http.auth.value"]


@pytest.mark.parametrize(
    "url", ["https://{id}.example.com/", "https://x.example{id}/", "ftp://x.example/", "https://x/?a={id}"]
)
def test_the_host_is_never_an_arguments(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="http"):
        msgspec.convert({"http": {"url": url}}, ToolSpec)


@pytest.mark.parametrize(
    ("method", "header", "effect", "destructive"),
    [
        ("GET", "", "pure", False),
        ("PUT", "", "idempotent", False),
        ("DELETE", "", "idempotent", True),
        ("POST", "", "at_most_once", False),
        ("POST", "Idempotency-Key", "idempotent", False),
        ("PATCH", "", "at_most_once", False),
    ],
)
def test_what_calling_twice_does_is_known_by_the_method(
    method: str, header: str, effect: str, destructive: bool
) -> None:
    http = {"url": "https://x.example/orders/{id}", "method": method, "idempotency_header": header}
    found = bench(tool("crm", parameters=ID, http=http), parts={"transport": object()}).box.get("crm")
    assert found is not None
    assert (found.effect, found.destructive) == (effect, destructive)


async def test_a_post_is_sent_once_whatever_comes_of_it(client: Client, upstream: Upstream) -> None:
    upstream.answers = lambda _: None
    made = with_http(client, f"{upstream.url}/pay", ID, method="POST")
    assert (await made.call("crm", id="1")).failed == "unknown"
    upstream.answers = lambda _: (503, "text/plain", b"busy")
    assert (await made.call("crm", id="1")).failed == "unknown"
    assert len(upstream.came) == 2


async def test_a_post_with_a_key_is_sent_again_with_the_same_key(client: Client, upstream: Upstream) -> None:
    def answers(came: Came) -> tuple[int, str, bytes]:
        return (503, "text/plain", b"busy") if len(upstream.came) == 1 else (201, "application/json", b'{"ok": true}')

    upstream.answers = answers
    made = with_http(client, f"{upstream.url}/pay", ID, method="POST", idempotency_header="Idempotency-Key")
    assert (await made.call("crm", key="run.9", id="1")).data == {"ok": True}
    assert [one.headers["idempotency-key"] for one in upstream.came] == ["run.9", "run.9"]


@pytest.mark.parametrize(
    ("status", "code", "calls"),
    [
        (400, "refused", 1),
        (401, "refused", 1),
        (404, "not_found", 1),
        (302, "redirected", 1),
        (429, "unavailable", 3),
        (500, "unavailable", 3),
    ],
)
async def test_refusals_are_told_and_only_what_may_pass_is_tried_again(
    client: Client, upstream: Upstream, status: int, code: str, calls: int
) -> None:
    upstream.answers = lambda _: (status, "text/plain", b"the reason")
    result = await with_http(client, f"{upstream.url}/{{id}}", ID).call("crm", id="1")
    assert (result.failed, len(upstream.came)) == (code, calls)
    assert str(status) in result.text
    assert ("the reason" in result.text) == (status != 302)


async def test_no_answer_within_its_time_ends_the_call(client: Client, upstream: Upstream) -> None:
    async def never(_: Came) -> tuple[int, str, bytes]:
        await asyncio.Event().wait()
        raise AssertionError

    upstream.answers = never
    result = await with_http(client, f"{upstream.url}/{{id}}", ID, timeout_s=0.05, retries=0).call("crm", id="1")
    assert result.failed in {"timeout", "upstream_timeout"}


async def test_an_answer_that_is_too_long_or_no_text_is_not_given(client: Client, upstream: Upstream) -> None:
    upstream.answers = lambda _: (200, "application/json", b'"' + b"x" * 5000 + b'"')
    result = await with_http(client, f"{upstream.url}/{{id}}", ID, most_response_bytes=1024, retries=0).call(
        "crm", id="1"
    )
    assert result.failed == "upstream_malformed"
    upstream.answers = lambda _: (200, "image/png", b"\x89PNG")
    result = await with_http(client, f"{upstream.url}/{{id}}", ID).call("crm", id="1")
    assert result.text == "The answer is 4 bytes of image/png, which isn't text."


async def test_egress_rules_hold(upstream: Upstream) -> None:
    from antiphon.net.egress import egress_of
    from antiphon.net.settings_egress import EgressSettings

    client = Client(egress_of(EgressSettings(allow=["crm.example.com"])))
    port = upstream.url.rpartition(":")[2]
    result = await with_http(client, f"http://169.254.169.254:{port}/{{id}}", ID).call("crm", id="1")
    assert result.failed == "egress_refused"
    client.close()
