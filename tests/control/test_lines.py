import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.lines import MAX_LINE_BYTES, SLICE_BYTES, rewritten
from antiphon.core.body import Body
from antiphon.core.deployment import Deployment
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, TooLarge
from antiphon.core.principal import Principal
from antiphon.providers.profiles import PROFILES
from antiphon.providers.raw import Raw, raw
from antiphon.providers.settings import ProviderSettings
from antiphon.providers.target import Account

DEPLOYED = [Deployment(name="fast", provider="lab", model="up-fast"), Deployment(name="far", provider="x", model="up")]
ROUTES = {"fast": ["fast"], "auto": ["far", "fast"], "far": ["far"]}
PATH = Account(name="lab", profile=PROFILES["compatible"], base_url="http://up.test/v1")
LAB: Raw = raw(PATH, ProviderSettings(), DEPLOYED, ROUTES, 60.0)
ALL, LIMITED = Principal(tenant="acme", key="a"), Principal(tenant="acme", key="b", models=("fast",))


def run(text: bytes, principal: Principal = ALL, cut: int = 1 << 20) -> bytes:
    body = Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))
    return b"".join(rewritten(body, 0, len(text), principal, LAB))


def line(model: Any = "fast", **more: Any) -> bytes:
    asked = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": model, **more}}
    return json.dumps(asked).encode()


def test_models_are_put_in_the_providers_words_and_the_rest_keeps_its_bytes() -> None:
    text = line("auto", temperature=0.10, big=12345678901234567890123) + b"\n" + line("fast", note="é")
    first, second = run(text).splitlines()
    assert json.loads(first)["body"]["model"] == "up-fast"
    assert b'"big":12345678901234567890123' in first
    assert b'"note":"\\u00e9"' in second


@given(st.integers(1, 400), st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_lines_may_be_cut_anywhere(cut: int, notes: list[str]) -> None:
    text = b"\n".join(line(note=note) for note in notes)
    read = [json.loads(one)["body"] for one in run(text, cut=cut).splitlines()]
    assert read == [{"model": "up-fast", "note": note} for note in notes]


def test_empty_lines_are_left_out() -> None:
    assert run(b"\n\n" + line() + b"\r\n\n").count(b"\n") == 1


@pytest.mark.parametrize(
    ("text", "kind", "param"),
    [
        (line("other"), BadRequest, "line 1: body.model"),
        (line() + b"\n" + line("far"), BadRequest, "line 2: body.model"),
        (line(7), BadRequest, "line 1: body.model"),
        (b'{"body":{}}', BadRequest, "line 1: body.model"),
        (b'{"custom_id":"1"}', BadRequest, "line 1"),
        (b"{", BadRequest, "line 1"),
        (b'{"body":[1]}', BadRequest, "line 1: body"),
        (b"", BadRequest, "file"),
        (b'{"body":"' + b"a" * MAX_LINE_BYTES + b'"}', TooLarge, "file"),
        (b"a" * (MAX_LINE_BYTES + 2 * SLICE_BYTES), TooLarge, "file"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_wrong_line_is_named(text: bytes, kind: type[AntiphonError], param: str) -> None:
    with pytest.raises(kind) as refused:
        run(text)
    assert refused.value.param == param


def test_a_key_may_batch_what_it_may_ask_alone() -> None:
    assert run(line(), LIMITED)
    with pytest.raises(NotAllowed, match=r"line 1: body\.model"):
        run(line("auto"), LIMITED)


def test_a_model_that_is_said_twice_goes_out_once() -> None:
    text = b'{"body":{"model":"far","model":"fast"}}'
    assert run(text) == b'{"body":{"model":"up-fast"}}\n'
