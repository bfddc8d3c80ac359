import base64
import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
from bodies import chats, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.receipt import Loss
from antiphon.core.secret import Secret
from antiphon.providers.profile import Profile, Way
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Account, How, Said, Target, say, target

often = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
PLAIN = PROFILES["compatible"]
CHATTING = {name: one for name, one in PROFILES.items() if any(way.dialect == "openai_chat" for way in one.ways)}
"""Those that speak Chat Completions; for the others see `test_say`."""


def deployment(model: str = "gpt-4o-mini", **fields: Any) -> Deployment:
    return Deployment(name="small", provider="p", model=model, **fields)


def aim(profile: Profile = PLAIN, model: str = "gpt-4o-mini", **account: Any) -> Target:
    told = {"name": "p", "profile": profile, "base_url": profile.base_url or "https://up.example/v1", **account}
    return target(deployment(model), Account(**told))


def lines(head: bytes) -> list[str]:
    assert head.endswith(b"\r\n")
    return head.decode("latin-1").removesuffix("\r\n").split("\r\n")


def headers(head: bytes) -> dict[str, str]:
    pairs = [line.split(": ", 1) for line in lines(head)[1:]]
    names = [name.lower() for name, _ in pairs]
    assert len(set(names)) == len(names), "a header comes twice"
    return {name.lower(): value for name, value in pairs}


def test_a_head_is_written_once_and_for_all() -> None:
    head = aim(PROFILES["openai"], keys=(Secret("sk-1"),)).ways["openai_chat"].heads[0]

    assert lines(head) == [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: api.openai.com",
        "Accept: application/json, text/event-stream",
        "User-Agent: antiphon",
        "authorization: Bearer sk-1",
        "Content-Type: application/json",
    ]


@pytest.mark.parametrize("profile", CHATTING.values(), ids=CHATTING)
def test_every_profile_gives_a_well_formed_head(profile: Profile) -> None:
    made = aim(profile, keys=(Secret("sk-1"),))

    first, *_ = lines(made.ways["openai_chat"].heads[0])
    url = urlsplit(profile.base_url or "https://up.example/v1")
    method, place, version = first.split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    assert urlsplit(place).path == f"{url.path}{profile.ways[0].path}"
    assert headers(made.ways["openai_chat"].heads[0])[profile.auth_header] == f"{profile.auth_prefix}sk-1"
    assert headers(made.ways["openai_chat"].heads[0])["host"] == url.netloc
    assert (made.origin.host, made.origin.tls) == (url.hostname, url.scheme == "https")


@pytest.mark.parametrize(
    ("base_url", "place", "host", "origin"),
    [
        ("https://a.example/v1", "/v1/chat/completions", "a.example", ("a.example", 443, True)),
        ("https://a.example/v1/", "/v1/chat/completions", "a.example", ("a.example", 443, True)),
        ("https://a.example", "/chat/completions", "a.example", ("a.example", 443, True)),
        ("http://a.example:8000/x/y", "/x/y/chat/completions", "a.example:8000", ("a.example", 8000, False)),
        ("http://127.0.0.1", "/chat/completions", "127.0.0.1", ("127.0.0.1", 80, False)),
        ("http://[::1]:11434/v1", "/v1/chat/completions", "[::1]:11434", ("::1", 11434, False)),
        ("https://A.Example:8443/V1", "/V1/chat/completions", "A.Example:8443", ("a.example", 8443, True)),
    ],
)
def test_the_address_comes_from_the_base_url(
    base_url: str, place: str, host: str, origin: tuple[str, int, bool]
) -> None:
    made = aim(base_url=base_url)

    assert lines(made.ways["openai_chat"].heads[0])[0] == f"POST {place} HTTP/1.1"
    assert headers(made.ways["openai_chat"].heads[0])["host"] == host
    assert (made.origin.host, made.origin.port, made.origin.tls) == origin


def test_azure_is_told_the_key_in_its_own_header() -> None:
    made = aim(PROFILES["azure"], base_url="https://me.openai.azure.com/openai/v1", keys=(Secret("k"),))

    assert lines(made.ways["openai_chat"].heads[0])[0] == "POST /openai/v1/chat/completions HTTP/1.1"
    assert headers(made.ways["openai_chat"].heads[0])["api-key"] == "k"
    assert "authorization" not in headers(made.ways["openai_chat"].heads[0])


def test_an_older_azure_is_reached_by_path_and_query() -> None:
    base_url = "https://me.openai.azure.com/openai/deployments/my-gpt"

    made = aim(PROFILES["azure"], base_url=base_url, query={"api-version": "2024-10-21"})

    first, _, _ = lines(made.ways["openai_chat"].heads[0])[0].rpartition(" ")
    assert first == "POST /openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"


def test_a_profile_may_have_the_model_in_its_path() -> None:
    profile = msgspec.structs.replace(
        PLAIN, ways=(Way(dialect="openai_chat", path="/deployments/{model}/chat"),), query={"v": "1"}
    )

    made = aim(profile, model="a/b c?d#e", query={"x": "ü&="})

    assert (
        lines(made.ways["openai_chat"].heads[0])[0]
        == "POST /v1/deployments/a%2Fb%20c%3Fd%23e/chat?v=1&x=%C3%BC%26%3D HTTP/1.1"
    )


def test_an_account_may_say_another_query_than_its_profile() -> None:
    profile = msgspec.structs.replace(PLAIN, query={"v": "1", "w": "2"})

    first = lines(aim(profile, query={"v": "3"}).ways["openai_chat"].heads[0])[0]

    assert first == "POST /v1/chat/completions?v=3&w=2 HTTP/1.1"


def test_without_a_key_no_credential_is_sent() -> None:
    assert "authorization" not in headers(aim().ways["openai_chat"].heads[0])
    assert "authorization" not in headers(aim(keys=(Secret(""),)).ways["openai_chat"].heads[0])


def test_headers_of_the_account_are_added_and_count_more_than_ours() -> None:
    made = aim(keys=(Secret("k"),), headers={"X-Team": "a: b", "user-agent": "mine", "Authorization": "Basic eA=="})

    assert headers(made.ways["openai_chat"].heads[0]) == {
        "host": "up.example",
        "accept": "application/json, text/event-stream",
        "x-team": "a: b",
        "user-agent": "mine",
        "authorization": "Basic eA==",
        "content-type": "application/json",
    }


def test_through_a_proxy_a_plain_request_names_its_whole_place() -> None:
    made = aim(base_url="http://up.example:8000/v1", proxy="http://me:p%40ss@proxy:3128")

    assert lines(made.ways["openai_chat"].heads[0])[0] == "POST http://up.example:8000/v1/chat/completions HTTP/1.1"
    scheme, _, pair = headers(made.ways["openai_chat"].heads[0])["proxy-authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"me:p@ss")
    assert made.origin.proxy == "http://me:p%40ss@proxy:3128"


def test_through_a_proxys_tunnel_the_proxy_is_told_nothing_of_the_request() -> None:
    made = aim(base_url="https://up.example/v1", proxy="http://me:pass@proxy:3128")

    assert lines(made.ways["openai_chat"].heads[0])[0] == "POST /v1/chat/completions HTTP/1.1"
    assert "proxy-authorization" not in headers(made.ways["openai_chat"].heads[0])


@often
@given(st.text(max_size=20), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_no_model_and_no_query_can_add_a_line(model: str, query: dict[str, str]) -> None:
    profile = msgspec.structs.replace(PLAIN, ways=(Way(dialect="openai_chat", path="/{model}/chat"),))
    model = model.encode(errors="replace").decode()
    query = {
        name.encode(errors="replace").decode(): value.encode(errors="replace").decode() for name, value in query.items()
    }

    first, *rest = lines(aim(profile, model=model, query=query).ways["openai_chat"].heads[0])

    assert rest == lines(aim(profile).ways["openai_chat"].heads[0])[1:]
    method, place, version = first.split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    url = urlsplit(place)
    assert unquote(url.path) == f"/v1/{model}/chat"
    assert parse_qsl(url.query, keep_blank_values=True) == list(query.items())


def test_what_the_account_allows_goes_to_the_transport() -> None:
    account = Account(name="p", profile=PLAIN, base_url="https://up.example/v1", ca_file="/ca.pem", connections=7)
    timeouts = Timeouts(connect_s=1, first_byte_s=2, between_bytes_s=3, total_s=4)

    made = target(deployment(timeouts=timeouts), account)

    assert (made.origin.ca_file, made.origin.connections) == ("/ca.pem", 7)
    assert say(request(b'{"model":"m","messages":[]}'), made).outbound.timeouts == timeouts


# --- how a request is said


def body(said: Said) -> bytes:
    whole = b"".join(said.outbound.body)
    assert len(whole) == said.outbound.size_bytes
    return whole


def test_a_request_goes_on_with_its_model_alone_changed() -> None:
    asked = request(b'{ "model" : "fast", "messages": [ ], "x": 1.50 }')

    said = say(asked, aim())

    assert body(said) == b'{ "model" : "gpt-4o-mini", "messages": [ ], "x": 1.50 }'
    assert (said.hides_usage, said.losses) == (False, ())


def test_a_trace_goes_behind_the_head() -> None:
    made = aim()

    said = say(request(b'{"model":"m","messages":[]}'), made, How(trace=b"traceparent: x\r\n"))

    assert said.outbound.head == made.ways["openai_chat"].heads[0] + b"traceparent: x\r\n"
    assert say(request(b'{"model":"m","messages":[]}'), made).outbound.head is made.ways["openai_chat"].heads[0]


def test_each_key_of_an_account_has_a_head_of_its_own() -> None:
    made = aim(PROFILES["openai"], keys=(Secret("sk-1"), Secret("sk-2")))
    asked = request(b'{"model":"m","messages":[]}')

    said = [say(asked, made, key=place).outbound.head for place in (0, 1)]

    assert [headers(head)["authorization"] for head in said] == ["Bearer sk-1", "Bearer sk-2"]
    assert lines(said[0])[:4] == lines(said[1])[:4]


def test_an_attempt_may_have_less_time_than_its_deployment() -> None:
    made, asked = aim(), request(b'{"model":"m","messages":[]}')
    less = Timeouts(connect_s=1, first_byte_s=2, between_bytes_s=3, total_s=4)

    assert say(asked, made, timeouts=less).outbound.timeouts is less
    assert say(asked, made).outbound.timeouts is made.deployment.timeouts


@pytest.mark.parametrize("profile", CHATTING.values(), ids=CHATTING)
@pytest.mark.parametrize("prompt", [None, "Be brief."])
def test_every_provider_is_told_in_its_own_way_to_go_on_with_an_answer(profile: Profile, prompt: str | None) -> None:
    asked = request(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}')

    said = say(asked, aim(profile), How(so_far="Hel", prompt=prompt))

    sent = json.loads(body(said), object_pairs_hook=once)
    start = {"role": "assistant", "content": "Hel"}
    first = [{"role": "system", "content": prompt}] if prompt else []
    assert sent["messages"][:-1] == [*first, {"role": "user", "content": "hi"}]
    assert sent["messages"][-1] == ({**start, "prefix": True} if profile.continues == "prefix" else start)
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    assert {name: sent[name] for name in flags if name in sent} == (flags if profile.continues == "flags" else {})


@pytest.mark.parametrize("profile", CHATTING.values(), ids=CHATTING)
@pytest.mark.parametrize(
    ("options", "wants"),
    [("", False), (',"stream_options":null', False), (',"stream_options":{"include_usage":true}', True)],
)
def test_a_streams_usage_is_asked_for_where_it_must_be(profile: Profile, options: str, wants: bool) -> None:
    asked = request(f'{{"model":"m","messages":[],"stream":true{options}}}'.encode())

    said = say(asked, aim(profile))

    sent = json.loads(body(said))
    asks = profile.usage_in_stream == "stream_options"
    assert said.hides_usage == (asks and not wants)
    if "stream_options" in profile.rejects:
        assert "stream_options" not in sent
    else:
        assert ((sent.get("stream_options") or {}).get("include_usage") is True) == (asks or wants)


@pytest.mark.parametrize("profile", CHATTING.values(), ids=CHATTING)
def test_what_is_no_stream_is_not_asked_for_usage(profile: Profile) -> None:
    said = say(request(b'{"model":"m","messages":[]}'), aim(profile))

    assert json.loads(body(said)) == {"model": "gpt-4o-mini", "messages": []}
    assert (said.hides_usage, said.losses) == (False, ())


@often
@given(chats(), st.sampled_from([profile for profile in PROFILES.values() if profile.rejects]), st.booleans())
def test_fields_that_a_provider_refuses_are_left_out_and_told(
    case: tuple[dict[str, Any], bytes], profile: Profile, long: bool
) -> None:
    fields, text = case
    asked = request(text, long=long)
    open_profile = msgspec.structs.replace(profile, output_limit_field=None, usage_in_stream="always")

    said = say(asked, aim(open_profile))

    dropped = [name for name in profile.rejects if name in fields]
    kept = {name: value for name, value in fields.items() if name not in dropped}
    assert json.loads(body(said)) == {**kept, "model": "gpt-4o-mini"}
    assert list(said.losses) == [
        Loss(field=name, why=f"{profile.name} refuses it", effect="left out of the request") for name in dropped
    ]


LIMIT, OLD = "max_completion_tokens", "max_tokens"


@pytest.mark.parametrize(
    "profile", [one for one in PROFILES.values() if one.output_limit_field], ids=lambda one: one.name
)
@pytest.mark.parametrize(
    ("limits", "sent", "effects"),
    [
        ({}, {}, []),
        ({OLD: 5}, {OLD: 5}, []),
        ({LIMIT: 6}, {OLD: 6}, ["sent as max_tokens"]),
        ({LIMIT: None}, {OLD: None}, ["sent as max_tokens"]),
        ({LIMIT: 6, OLD: 5}, {OLD: 6}, ["sent as max_tokens, in place of the one that was there"]),
        ({OLD: 5, LIMIT: 6}, {OLD: 6}, ["sent as max_tokens, in place of the one that was there"]),
        ({OLD: None, LIMIT: 6}, {OLD: 6}, ["sent as max_tokens, in place of the one that was there"]),
        ({OLD: 5, LIMIT: None}, {OLD: 5}, ["left out of the request"]),
        ({LIMIT: None, OLD: None}, {OLD: None}, ["left out of the request"]),
    ],
)
def test_a_provider_with_one_name_for_the_limit_is_told_by_that_name(
    profile: Profile, limits: dict[str, Any], sent: dict[str, Any], effects: list[str]
) -> None:
    asked = request(json.dumps({"model": "m", **limits, "messages": []}).encode())

    said = say(asked, aim(profile))

    assert json.loads(body(said)) == {"model": "gpt-4o-mini", "messages": [], **sent}
    assert [loss.effect for loss in said.losses] == effects
    assert all((loss.field, loss.why) == (LIMIT, f"{profile.name} knows max_tokens only") for loss in said.losses)


@often
@given(chats(), st.sampled_from(sorted(CHATTING)), st.booleans(), st.booleans())
def test_whatever_is_asked_every_provider_gets_json_without_a_key_twice(
    case: tuple[dict[str, Any], bytes], name: str, long: bool, prompt: bool
) -> None:
    fields, text = case
    profile = PROFILES[name]
    asked = request(text, long=long)

    said = say(asked, aim(profile), How(prompt="Be brief." if prompt else None))

    sent = json.loads(body(said), object_pairs_hook=once)
    assert sent["model"] == "gpt-4o-mini"
    assert not sent.keys() & set(profile.rejects)
    assert profile.output_limit_field is None or LIMIT not in sent
    assert sent["messages"] == [*([{"role": "system", "content": "Be brief."}] if prompt else []), *fields["messages"]]
    untouched = fields.keys() - {"model", "messages", "stream_options", LIMIT, OLD, *profile.rejects}
    assert {key: sent[key] for key in untouched} == {key: fields[key] for key in untouched}
    limit = fields.get(LIMIT) or fields.get(OLD)
    assert (sent.get(LIMIT) or sent.get(OLD)) == limit
    told = {loss.field for loss in said.losses}
    assert fields.keys() - sent.keys() <= told


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    assert len(fields) == len(pairs), "a key comes twice"
    return fields
