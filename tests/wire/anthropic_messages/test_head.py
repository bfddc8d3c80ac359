from typing import Any

import msgspec
import pytest
from anthropic_said import ASKED, CODEC, USER, body, request

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.wire.anthropic_messages.codec import count_fields, read_count
from antiphon.wire.codec import Asked

IMAGE = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
PDF = {"type": "document", "source": {"type": "file", "file_id": "f"}}


def long_head(said: dict[str, Any], cut: int = 997) -> Any:
    text = msgspec.json.encode(said)
    raw = Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))
    *slices, found = CODEC.read_long(raw, ASKED)
    assert found is not None
    assert all(piece is None for piece in slices)
    return found


@pytest.mark.parametrize(
    ("fields", "needs"),
    [
        ({}, set()),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, {"images"}),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "a", "content": [IMAGE, PDF]}],
                    }
                ]
            },
            {"images", "files"},
        ),
        ({"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]}, {"files"}),
        ({"tools": [{"name": "f", "input_schema": {}}]}, {"tools"}),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, {"tools"}),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"web_search"}),
        ({"tools": [{"type": "code_execution_20260521", "name": "code_execution"}]}, {"server_tools"}),
        ({"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}, {"server_tools"}),
        ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}, {"server_tools"}),
        ({"mcp_servers": [{"type": "url", "url": "https://m", "name": "s"}]}, {"server_tools"}),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, {"structured_output"}),
        ({"output_format": {"type": "json_schema", "schema": {}}}, {"structured_output"}),
        ({"output_config": {"effort": "low"}}, {"reasoning"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning"}),
        ({"thinking": {"type": "adaptive"}}, {"reasoning"}),
        ({"thinking": {"type": "disabled"}}, set()),
    ],
)
def test_the_head_says_what_a_model_must_do(fields: dict[str, Any], needs: set[str]) -> None:
    assert request(body(**fields)).head.needs == needs
    assert long_head(body(**fields))[0].needs == needs


def test_the_head_of_a_plain_body_is_that_of_one_read_field_by_field() -> None:
    plain = request(body(system="S", stream=True, temperature=0.5))
    other = request(body(system="S", stream=True, temperature=0.5, top_k=3))

    assert plain.head == other.head
    assert plain.head.stream
    assert plain.head.output_tokens == 9
    assert plain.head.wants_usage


def test_a_long_body_has_the_head_and_the_model_spot_of_a_short_one() -> None:
    said = body(system="s" * 3000, metadata={"user_id": "u" * 300}, tools=[{"name": "f", "input_schema": {}}])

    head, spots = long_head(said)

    assert head == request(said).head
    assert head.user == "u" * 256
    assert msgspec.json.encode(said)[slice(*spots.model)] == b'"claude"'


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 11, 50])
def test_a_block_is_seen_in_a_long_body_however_it_is_cut(cut: int) -> None:
    assert long_head(body(messages=[{"role": "user", "content": [IMAGE]}]), cut)[0].needs == {"images"}


@pytest.mark.parametrize("cut", [1, 5, 50, 5000])
def test_a_block_is_seen_in_a_long_body_however_it_is_spelled(cut: int) -> None:
    text = msgspec.json.encode(body(messages=[{"role": "user", "content": [IMAGE]}]))
    text = text.replace(b'"type":"image"', b'"t\\u0079pe" :\n"im\\u0061ge"')
    raw = Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))

    *_, found = CODEC.read_long(raw, ASKED)

    assert found is not None
    assert found[0].needs == CODEC.read(raw, ASKED)[0].needs == {"images"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 10**40}, "max_tokens"),
        ({"messages": {}}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"metadata": "u"}, "metadata"),
        ({"metadata": {"user_id": 3}}, "metadata.user_id"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(fields: dict[str, Any], param: str) -> None:
    for read in (request, long_head):
        with pytest.raises(BadRequest) as caught:
            read(body(**fields))

        assert caught.value.param == param


def test_max_tokens_must_be_there_unless_tokens_are_only_counted() -> None:
    said = {"model": "claude", "messages": [USER]}
    raw = Body((msgspec.json.encode(said),))

    with pytest.raises(BadRequest, match="max_tokens"):
        CODEC.read(raw, ASKED)

    head, _ = read_count(raw, ASKED)
    assert head.output_tokens is None
    assert head.model == "claude"
    assert count_fields(raw.whole()).messages[0].role == "user"


def test_no_tokens_fill_the_cache_alone() -> None:
    assert request(body(max_tokens=0)).head.output_tokens == 0


def test_the_path_may_name_the_model() -> None:
    raw = Body((msgspec.json.encode({"max_tokens": 9, "messages": [USER]}),))

    head, spots = CODEC.read(raw, Asked(endpoint="/x", model="from-path", stream=True))

    assert head.model == "from-path"
    assert head.stream
    assert spots.model == (0, 0)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"model":"a","model":"b"}', b"\xff"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        request(text)
