"""Chat bodies as any client might write them: any order, any white space, any escapes, any cut."""

import json
import random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from antiphon.core.body import Body
from antiphon.core.request import Request
from antiphon.wire.openai_chat.head import read, read_long

SPACES = ("", "", "", " ", "\n", "\t", "\r\n", "   ")
TEXT = st.text(
    st.sampled_from('model"\\,:{}[] né😀\n\u0000') | st.characters(exclude_categories=("Cs",)), max_size=8
) | st.sampled_from(['"model":', "stream_options", '{"model": "x"}', "\\", '\\"', "]", "}"])
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(["model", "messages", "stream_options"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, TEXT),
    st.builds(lambda data: {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}, TEXT),
    st.builds(lambda name: {"type": "file", "file": {"file_id": name}}, TEXT),
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXT | st.lists(PARTS, max_size=2)},
        optional={"name": TEXT, "model": TEXT},
    ),
    max_size=3,
)
TOOLS = st.lists(
    st.builds(
        lambda name, properties: {
            "type": "function",
            "function": {"name": name, "parameters": {"type": "object", "properties": properties}},
        },
        TEXT,
        st.dictionaries(st.sampled_from(["model", "file", "image_url", "stream_options"]), JSON, max_size=2),
    ),
    max_size=2,
)
COUNT = st.none() | st.integers(1, 10**9)
OPTIONS = st.none() | st.fixed_dictionaries({}, optional={"include_usage": st.booleans(), "model": JSON, "x": JSON})
STREAMED: SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({}, optional={"stream": st.none() | st.just(False), "stream_options": st.none()}),
    st.fixed_dictionaries({"stream": st.just(True)}, optional={"stream_options": OPTIONS}),
)
FIELDS: SearchStrategy[dict[str, Any]] = st.builds(
    lambda needed, streamed, others: {**others, **needed, **streamed},
    st.fixed_dictionaries({"model": TEXT.filter(bool), "messages": MESSAGES}),
    STREAMED,
    st.fixed_dictionaries(
        {},
        optional={
            "max_tokens": COUNT,
            "max_completion_tokens": COUNT,
            "n": COUNT,
            "user": st.none() | TEXT,
            "response_format": st.none()
            | st.sampled_from([{"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "model": "x"}]),
            "reasoning_effort": st.none() | st.sampled_from(["low", "high"]),
            "logprobs": st.none() | st.booleans(),
            "tools": st.none() | TOOLS,
            "functions": st.just([{"name": "model"}]),
            "metadata": st.dictionaries(TEXT | st.just("model"), JSON, max_size=2),
            "x_model": JSON,
            "": JSON,
        },
    ),
)


@st.composite
def chat_fields(draw: DrawFn) -> dict[str, Any]:
    """The fields of a body that is taken, in any order."""
    fields = draw(FIELDS)
    return {name: fields[name] for name in draw(st.permutations(sorted(fields)))}


@st.composite
def segments(draw: DrawFn, text: bytes) -> tuple[bytes, ...]:
    """Bytes as the network might cut them."""
    if draw(st.booleans()):
        return tuple(text[at : at + 1] for at in range(len(text)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return tuple(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))


@st.composite
def chats(draw: DrawFn) -> tuple[dict[str, Any], bytes]:
    """Fields of a body, and the body as some client would write it."""
    fields = draw(chat_fields())
    return fields, written(fields, random.Random(draw(st.integers(0, 2**32))))


def written(value: object, chance: random.Random) -> bytes:
    """JSON with white space and escapes by chance."""
    return b"".join([_space(chance), _value(value, chance), _space(chance)])


def _space(chance: random.Random) -> bytes:
    return chance.choice(SPACES).encode()


def _value(value: object, chance: random.Random) -> bytes:
    if isinstance(value, str):
        return _text(value, chance)
    if isinstance(value, dict):
        inner = [written(str(name), chance) + b":" + written(child, chance) for name, child in value.items()]
        return b"{" + (b",".join(inner) or _space(chance)) + b"}"
    if isinstance(value, list):
        return b"[" + (b",".join(written(child, chance) for child in value) or _space(chance)) + b"]"
    return json.dumps(value).encode()


def _text(text: str, chance: random.Random) -> bytes:
    plain = chance.random() < 0.7
    return ('"' + "".join(_letter(letter, plain=plain, chance=chance) for letter in text) + '"').encode()


def _letter(letter: str, *, plain: bool, chance: random.Random) -> str:
    if plain or chance.random() < 0.5:
        return json.dumps(letter, ensure_ascii=False)[1:-1]
    units = letter.encode("utf-16-be")
    pairs = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    return "".join(f"\\u{pair.upper() if chance.random() < 0.5 else pair}" for pair in pairs)


def request(text: bytes, *, long: bool = False) -> Request:
    """A request with this body, read by either reader."""
    body = Body((text[: len(text) // 2], text[len(text) // 2 :]) if long else (text,))
    head, spots = last(read_long(body, "/")) if long else read(body, "/")
    return Request(head=head, body=body, spots=spots, digest=body.sha256())


def last(found: Any) -> Any:
    """What a reader in slices gives at its end."""
    *between, end = found
    assert between == [None] * len(between)
    return end
