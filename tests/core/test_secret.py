import copy
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import asdict, dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.secret import Secret

TEXT = "sk-very-secret-0123456789"


@dataclass
class Held:
    secret: Secret


def with_locals() -> str:
    """A traceback as a tool that shows local variables prints it."""
    secret = Secret(TEXT)
    try:
        raise ValueError(str(secret))
    except ValueError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(report.format())


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT)!r:>40}",
        f"{Secret(TEXT):>40}",
        "%s %r" % (Secret(TEXT), Secret(TEXT)),  # noqa: UP031 - the old form prints too
        "{}".format(Secret(TEXT)),  # noqa: UP032 - the same
        pprint.pformat({"key": Secret(TEXT)}),
        repr([Secret(TEXT)]),
        repr(Held(Secret(TEXT))),
        logging.Formatter().format(logging.makeLogRecord({"msg": "key %s", "args": (Secret(TEXT),)})),
        json.dumps({"key": Secret(TEXT)}, default=str),
        json.dumps({"key": Secret(TEXT)}, default=repr),
        msgspec.json.encode({"key": Secret(TEXT)}, enc_hook=str).decode(),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert TEXT not in shown
    assert "Secret(***)" in shown


def test_a_traceback_with_local_variables_does_not_show_it() -> None:
    report = with_locals()

    assert "secret = Secret(***)" in report
    assert TEXT not in report


@pytest.mark.parametrize(
    "take",
    [
        pickle.dumps,
        lambda secret: pickle.dumps(secret, protocol=0),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        lambda secret: asdict(Held(secret)),
        vars,
        iter,
        bytes,
        int,
    ],
)
def test_nothing_takes_it_apart(take: object) -> None:
    assert callable(take)

    with pytest.raises(TypeError) as caught:
        take(Secret(TEXT))

    assert TEXT not in str(caught.value)


def test_only_reveal_gives_the_text() -> None:
    assert Secret(TEXT).reveal() == TEXT


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(st.characters(exclude_categories=("Cs",))))
def test_secrets_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


@given(st.text())
def test_an_empty_secret_is_false(text: str) -> None:
    assert bool(Secret(text)) == bool(text)
