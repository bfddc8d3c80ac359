"""Facts are worked out when they are asked for, once; no request makes that fail."""

from typing import Any

import msgspec
import pytest
from asking import NOW_NS, WHO, chat, extractor, facts_of, request_of
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.signal import Fact, StoredFacts
from antiphon.signals.about import About
from antiphon.signals.catalogue import BUILT_IN, declared, environment
from antiphon.signals.extractor import Extractor
from antiphon.signals.settings import SignalSettings

OWN: dict[str, Any] = {
    "keywords": {
        "w": {"any": ["asap"]},
        "p": {"any": ["asa"], "match": "part", "where": "all"},
        "r": {"any": [r"\bas+ap\b"], "match": "regex"},
        "f": {"any": ["outage"], "match": "fuzzy", "where": "user"},
        "b": {"any": ["an outage of the site", "late parcel"], "match": "bm25"},
    },
    "examples": {"e": {"texts": ["x"]}},
    "functions": {"len": {"call": "builtins:len"}},
    "models": {"m": {"model": "fast", "ask": "?", "choices": ["a", "b"]}},
}
EVERYTHING: Extractor = extractor(**OWN)
NAMES = (*declared(msgspec.convert(OWN, SignalSettings)), "header.x_any")
KINDS = {
    "bool": bool,
    "int": int,
    "double": float,
    "string": str,
    "strings": tuple,
    "timestamp": int,
}


def test_nothing_is_worked_out_that_was_not_asked_for() -> None:
    facts = facts_of("hello", extractor=EVERYTHING)
    assert facts.told() == ()
    facts.value("text.words")
    assert [fact.name for fact in facts.told()] == ["text.words"]


def test_what_tells_of_the_head_alone_does_not_read_the_body() -> None:
    request = request_of({"model": "auto", "messages": []})
    request.body.taken()
    facts = EVERYTHING.facts(About(request=request, principal=WHO, now_ns=NOW_NS))
    names = [name for name in BUILT_IN if name.startswith(("who.", "time."))]
    for name in (
        *names,
        "request.model",
        "request.images",
        "tools.count",
        "tools.names",
        "stakes.stated",
        "header.x_a",
    ):
        facts.fact(name)
    assert request.body.meaning is None


def test_an_ordinary_chat_is_not_read_into_its_canonical_form() -> None:
    request = request_of(
        chat(("system", "s"), "def f(): pass", tools=[{"type": "function", "function": {"name": "a"}}])
    )
    facts = EVERYTHING.facts(About(request=request, principal=WHO))
    for name in NAMES:
        facts.value(name)
    assert request.body.meaning is None


def test_facts_are_told_in_the_order_in_which_they_were_asked_for() -> None:
    facts = facts_of("hello")
    for name in ("who.team", "request.bytes", "who.team"):
        facts.value(name)
    assert [fact.name for fact in facts.told()] == ["who.team", "request.bytes"]


def test_what_is_supplied_is_the_fact() -> None:
    facts = facts_of("hello")
    facts.supply("finding.injection", 0.9, confidence=0.7, took_us=12, why="a guard")
    assert facts.fact("finding.injection") == Fact(
        name="finding.injection", value=0.9, confidence=0.7, took_us=12, why="a guard"
    )
    with pytest.raises(KeyError):
        facts.supply("no.such", 1)


def test_what_is_forgotten_is_worked_out_again() -> None:
    facts = facts_of("hello")
    facts.supply("talk.turns", 9)
    facts.forget("talk.turns")
    assert facts.value("talk.turns") == 1


def test_told_facts_can_be_stored_and_read_again() -> None:
    facts = facts_of("Solve x + 2 = 4", extractor=EVERYTHING)
    values = {name: facts.value(name) for name in NAMES}
    stored = StoredFacts(msgspec.json.decode(msgspec.json.encode(facts.told()), type=tuple[Fact, ...]))
    assert {name: stored.value(name) for name in NAMES} == values


texts = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="aA) (.\n-*`#$\\^=<>{}0?！？。我的のはカ한글กñß🎉\u200d\u0301\ufeff\x00", max_size=200),
    st.sampled_from(["", " ", "\n\n", "```", "A) B) C)", "مرحبا asap", "🏳️‍🌈" * 50, "a" * 9000]),
)
parts = st.one_of(
    texts.map(lambda text: {"type": "text", "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    st.just({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
    st.just({"type": "something_else", "a": 1}),
)
messages = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer", "user", "assistant", "critic"]),
        texts | st.lists(parts, max_size=3),
    ),
    texts.map(lambda text: {"role": "tool", "tool_call_id": "c", "content": text}),
    texts.map(
        lambda text: {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}],
        }
    ),
)
bodies = st.builds(
    lambda messages, more: {"model": "auto", "messages": messages, **more},
    st.lists(messages, max_size=6),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.none() | st.floats(0, 2),
            "tool_choice": st.sampled_from(["auto", "required", "none", None]),
            "tools": st.just([{"type": "function", "function": {"name": "deleteAll", "parameters": {}}}]),
            "response_format": st.sampled_from([{"type": "json_object"}, {"type": "text"}]),
            "n": st.integers(1, 5),
        },
    ),
)
ENV = environment(msgspec.convert(OWN, SignalSettings))


@settings(max_examples=150)
@given(bodies, st.integers(0, 2**62), st.binary(max_size=8))
def test_whatever_a_request_says_every_fact_is_of_its_kind_and_stays_the_same(
    body: dict[str, Any], now_ns: int, header: bytes
) -> None:
    headers = {b"x-any": header, b"x-antiphon-impact": header}
    facts = facts_of(body, extractor=EVERYTHING, now_ns=now_ns, headers=headers, window_tokens=1000)
    first = {name: facts.value(name) for name in NAMES}
    again = facts_of(body, extractor=EVERYTHING, now_ns=now_ns, headers=headers, window_tokens=1000)
    assert {name: again.value(name) for name in reversed(NAMES)} == first
    for name in NAMES:
        fact = facts.fact(name)
        assert fact.value is None or type(fact.value) is KINDS[ENV[name].kind], name
        assert 0 <= fact.confidence <= 1, name
        assert fact.value is not None or fact.why, name


@given(st.text(alphabet=st.characters(categories=["Cs", "Ll"]), min_size=1, max_size=20))
def test_halves_of_surrogate_pairs_are_no_trouble(text: str) -> None:
    """The canonical reader refuses them; should one get here all the same, it is replaced."""
    escaped = "".join(f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else sign for sign in text)
    raw = b'{"model":"auto","messages":[{"role":"user","content":"%b"}]}' % escaped.encode()
    request = msgspec.structs.replace(request_of(chat("x")), body=type(request_of(chat("x")).body)((raw,)))
    facts = EVERYTHING.facts(About(request=request, principal=WHO))
    for name in NAMES:
        facts.value(name)


def test_every_fact_that_is_declared_is_worked_out_and_the_other_way_round() -> None:
    made = Extractor()
    assert set(made._how) == set(BUILT_IN)
    assert set(EVERYTHING._how) == set(NAMES) - {"header.x_any"}


def test_expressions_know_every_header_by_name() -> None:
    known = environment(SignalSettings())
    assert known["header.x_team"].kind == "string"
    assert "header.x-team" in known
    assert "header.authorization" not in known
    assert known.get("header.x") is None
    assert "header.x_team" not in list(known)
