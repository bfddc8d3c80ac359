"""What is kept of the Responses API, by its paths."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.exchange import Asked
from fakes.kept import Keeping
from fakes.upstream import Answer

from antiphon.server.kept import PATHS, kept_of
from antiphon.wire.sse import SseReader, data_of

JSON = {"content_type": "application/json"}
SSE = b"text/event-stream; charset=utf-8"


def response(name: str = "resp_up1", text: str = "hello", **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "msg_up1", "role": "assistant", "status": "completed", "content": [part]}
    said = {"id": name, "object": "response", "created_at": 1, "status": "completed", "model": "up", "output": [item]}
    return {**said, "store": True, "previous_response_id": None, **more}


def event(kind: str, number: int, **fields: Any) -> bytes:
    said = json.dumps({"type": kind, "sequence_number": number, **fields}).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), said)


def stream(**more: Any) -> list[bytes]:
    begun = {**response(**more), "output": [], "status": "in_progress"}
    delta = {"item_id": "msg_up1", "output_index": 0, "content_index": 0, "delta": "hello"}
    return [
        event("response.created", 0, response=begun) + event("response.in_progress", 1, response=begun),
        event("response.output_text.delta", 2, **delta),
        event("response.completed", 3, response=response(**more)),
    ]


def events(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(data_of(one) or b"") for one in SseReader().feed(raw)]


def chunked(raw: bytes) -> bytes:
    """The body out of its chunks."""
    out = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        out, raw = out + raw[: int(size, 16)], raw[int(size, 16) + 2 :]
    return out


class Desk:
    """A site that keeps."""

    def __init__(self, place: Any, keeping: Keeping) -> None:
        self.place = place
        self.keeping = keeping

    async def ask(self, method: str, target: str, body: object = None, key: str = "sk-alice-1") -> Asked:
        text = b"" if body is None else json.dumps(body).encode()
        return await self.place.ask(method, target, key, text, **JSON)

    async def create(self, key: str = "sk-alice-1", **fields: Any) -> Asked:
        return await self.ask("POST", "/v1/responses", {"model": "fast", "input": "hi", **fields}, key)

    @property
    def sent(self) -> dict[str, Any]:
        """What the upstream got last."""
        return json.loads(b"".join(self.place.house.transport.sent[-1][0].body))


@pytest.fixture
def desk(tmp_path: Path, place: Callable[..., Any]) -> Callable[..., Desk]:
    def made(*script: Any, **settings: float) -> Desk:
        keeping = Keeping(**settings)
        return Desk(place(*script, state=keeping.state), keeping)

    return made


def whole(**more: Any) -> Answer:
    return Answer(json.dumps(response(**more)).encode())


async def test_an_answer_passes_as_it_came_and_can_be_had_again(desk: Callable[..., Desk]) -> None:
    body = b' {"id": "resp_up1",  "model":"up","output":[], "store":true} '
    one = desk(Answer(body))

    asked = await one.create()

    assert (asked.status, asked.raw) == (200, body)
    again = await one.ask("GET", "/v1/responses/resp_up1")
    assert (again.status, again.raw, again.headers["content-type"]) == (200, body, "application/json")


async def test_a_stream_passes_as_it_came_and_its_response_is_kept(desk: Callable[..., Desk]) -> None:
    one = desk(Answer(*stream(), kind=SSE))

    asked = await one.create(stream=True)

    assert chunked(asked.raw) == b"".join(stream())
    assert json.loads((await one.ask("GET", "/v1/responses/resp_up1")).raw) == response()


@pytest.mark.parametrize("together", [False, True], ids=["in pieces", "at once"])
async def test_a_stream_that_goes_on_says_so_where_it_speaks_of_the_response(
    desk: Callable[..., Desk], together: bool
) -> None:
    pieces = stream(name="resp_up2")
    one = desk(whole(), Answer(*([b"".join(pieces)] if together else pieces), kind=SSE))
    await one.create()

    said = events(chunked((await one.create(stream=True, previous_response_id="resp_up1")).raw))

    told = [event["response"]["previous_response_id"] for event in said if "response" in event]
    assert told == ["resp_up1"] * 3
    assert [event["sequence_number"] for event in said] == [0, 1, 2, 3]
    assert said[2] == events(pieces[1])[0]
    assert [item["content"] for item in one.sent["input"][::2]] == ["hi", "hi"]
    assert "previous_response_id" not in one.sent
    assert json.loads((await one.ask("GET", "/v1/responses/resp_up2")).raw)["previous_response_id"] == "resp_up1"


@pytest.mark.parametrize("said", [b"null", b"{}"])
async def test_a_stream_that_ends_without_a_response_passes_and_leaves_nothing(
    desk: Callable[..., Desk], said: bytes
) -> None:
    last = b'data: {"type":"response.completed","response":%b}\n\n' % said
    one = desk(Answer(*stream()[:2], last, kind=SSE))

    asked = await one.create(stream=True)

    assert chunked(asked.raw) == b"".join(stream()[:2]) + last
    assert one.keeping.kept.written == []


async def test_nothing_is_kept_where_the_caller_says_so_or_the_operator(desk: Callable[..., Desk]) -> None:
    for one, fields in ((desk(whole()), {"store": False}), (desk(whole(), days=0), {})):
        asked = await one.create(**fields)

        assert json.loads(asked.raw) == response(), "and its bytes pass"
        assert one.keeping.kept.written == []
        assert (await one.ask("GET", "/v1/responses/resp_up1")).status == 404


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_that_cannot_be_kept_is_not_released(desk: Callable[..., Desk], streams: bool) -> None:
    one = desk(Answer(*stream(), kind=SSE) if streams else whole())
    one.keeping.kept.fails = True

    asked = await one.create(stream=streams)

    receipt = one.place.house.receipt
    assert (receipt.outcome, receipt.error) == ("failed", "store_error")
    if streams:
        last = events(chunked(asked.raw))[-1]
        assert (last["type"], last["code"]) == ("error", "store_error")
    else:
        assert asked.status == 503


async def test_what_is_unknown_is_refused_before_anything_is_sent_with_a_receipt(desk: Callable[..., Desk]) -> None:
    one = desk()

    asked = await one.create(previous_response_id="resp_nobody")

    error = json.loads(asked.raw)["error"]
    assert (asked.status, error["code"]) == (400, "previous_response_not_found")
    assert error["message"] == "Previous response with id 'resp_nobody' not found."
    assert one.place.house.receipt.id == asked.headers["x-antiphon-receipt"]
    assert one.place.house.transport.sent == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"store": "yes"}, "store"),
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"conversation": ["a"]}, "conversation"),
        ({"conversation": {"id": 7}}, "conversation"),
        ({"conversation": "conv_1", "previous_response_id": "resp_1"}, "conversation"),
    ],
)
async def test_a_wish_of_a_wrong_type_is_refused_by_its_name(
    desk: Callable[..., Desk], fields: dict[str, Any], param: str
) -> None:
    asked = await desk().create(**fields)

    assert (asked.status, json.loads(asked.raw)["error"]["param"]) == (400, param)


@pytest.mark.parametrize("form", ["a list", "a text", "nothing"])
async def test_a_long_body_is_put_behind_what_was_said_before(desk: Callable[..., Desk], form: str) -> None:
    one = desk(whole(), whole(name="resp_up2"))
    await one.create()
    text = "zebra " * 60_000
    fields: dict[str, Any] = {"input": {"a list": [{"role": "user", "content": text}], "a text": text}.get(form)}
    if form == "nothing":
        fields = {"input": None, "instructions": text}

    asked = await one.create(previous_response_id="resp_up1", **fields)

    assert asked.status == 200
    said = one.sent["input"]
    assert [item["role"] for item in said] == ["user", "assistant", "user"][: 2 if form == "nothing" else 3]
    assert said[0]["content"] == "hi"
    assert form == "nothing" or said[2]["content"] == text
    assert one.sent["previous_response_id"] is None


async def test_a_kept_response_is_told_again_as_a_stream_from_any_event_on(desk: Callable[..., Desk]) -> None:
    one = desk(whole())
    await one.create()

    asked = await one.ask("GET", "/v1/responses/resp_up1?stream=true")

    told = events(asked.raw)
    assert asked.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [one["sequence_number"] for one in told] == list(range(len(told)))
    assert (told[0]["type"], told[0]["response"]["output"]) == ("response.created", [])
    assert [one["delta"] for one in told if one["type"] == "response.output_text.delta"] == ["hello"]
    assert told[-1]["response"] == response()
    behind = await one.ask("GET", "/v1/responses/resp_up1?stream=true&starting_after=4")
    assert events(behind.raw) == told[5:]


@pytest.mark.parametrize(
    ("target", "param"),
    [
        ("/v1/responses/resp_up1?stream=maybe", "stream"),
        ("/v1/responses/resp_up1?stream=true&starting_after=-1", "starting_after"),
        ("/v1/responses/resp_up1/input_items?limit=0", "limit"),
        ("/v1/responses/resp_up1/input_items?limit=101", "limit"),
        ("/v1/responses/resp_up1/input_items?order=up", "order"),
        ("/v1/responses/resp_up1/input_items?after=nobody", "after"),
    ],
)
async def test_a_wrong_query_is_refused_by_its_name(desk: Callable[..., Desk], target: str, param: str) -> None:
    one = desk(whole())
    await one.create()

    asked = await one.ask("GET", target)

    assert (asked.status, json.loads(asked.raw)["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"metadata": "a"}, "metadata"),
        ({"metadata": {"a": 7}}, "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"items": "a"}, "items"),
        ({"items": [{"role": "user", "content": "a"}] * 21}, "items"),
        ({"items": [{"role": "user", "content": 7}]}, "items[0].content"),
    ],
)
async def test_a_conversation_of_wrong_types_is_refused_by_the_fields_name(
    desk: Callable[..., Desk], body: object, param: str
) -> None:
    asked = await desk().ask("POST", "/v1/conversations", body)

    assert (asked.status, json.loads(asked.raw)["error"]["param"]) == (400, param)


async def test_a_conversation_without_a_body_is_an_empty_one(desk: Callable[..., Desk]) -> None:
    one = desk()

    made = await one.ask("POST", "/v1/conversations")

    name = json.loads(made.raw)["id"]
    listed = await one.ask("GET", f"/v1/conversations/{name}/items")
    assert json.loads(listed.raw) == {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}
    for path, field in ((f"/v1/conversations/{name}/items", "items"), (f"/v1/conversations/{name}", "metadata")):
        asked = await one.ask("POST", path, {})
        assert (asked.status, json.loads(asked.raw)["error"]["param"]) == (400, field)


async def test_every_path_wants_a_key_and_says_which_methods_it_takes(desk: Callable[..., Desk]) -> None:
    one = desk()
    for method, path, _ in PATHS:
        target = path.replace("{id}", "x").replace("{item}", "y")
        assert (await one.ask(method, target, key="")).status == 401
        refused = await one.ask("PATCH", target)
        assert refused.status == 405
        ways = {way for way, other, _ in PATHS if other == path}
        assert set(refused.headers["allow"].split(", ")) == ways | ({"HEAD"} if "GET" in ways else set())


def test_ids_are_decoded_and_other_paths_are_not_taken() -> None:
    found = kept_of(b"/openai/v1/conversations/conv%5F1/items/msg%201")

    assert found is not None
    assert (found.name, found.item) == ("conv_1", "msg 1")
    for path in (
        b"/v1/responses/",
        b"/v1/conversationsx",
        b"/v1/conversations/a/b",
        b"/v1/responses/a/b/c",
        b"/v1/models",
    ):
        assert kept_of(path) is None
