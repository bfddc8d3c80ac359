import inspect
import re
from http import HTTPStatus

import pytest

from antiphon.core import error as tree
from antiphon.core.error import (
    AntiphonError,
    ApprovalPending,
    ConfigError,
    Problem,
    StoreError,
    UpstreamError,
    WrongMethod,
)

CLASSES: list[type[AntiphonError]] = [
    value for _, value in inspect.getmembers(tree, inspect.isclass) if issubclass(value, AntiphonError)
]
LINE = re.compile(r"^ {4}([│├└─ ]*)([A-Z]\w+)(?: (\d{3})(…)?)?", re.MULTILINE)


def drawn() -> dict[str, tuple[int, int | None, bool]]:
    """Name to depth, status and whether it may be another, as the module's docstring draws them."""
    return {
        match[2]: (len(match[1]) // 4, int(match[3]) if match[3] else None, bool(match[4]))
        for match in LINE.finditer(tree.__doc__ or "")
    }


def test_the_drawing_shows_every_class_and_no_other() -> None:
    assert drawn().keys() == {one.__name__ for one in CLASSES}


@pytest.mark.parametrize("one", [one for one in CLASSES if one is not AntiphonError])
def test_the_drawing_shows_whose_child_a_class_is(one: type[AntiphonError]) -> None:
    names = list(drawn())
    depth = drawn()[one.__name__][0]
    before = names[: names.index(one.__name__)]

    parent = next(name for name in reversed(before) if drawn()[name][0] == depth - 1)

    assert one.__bases__[0].__name__ == parent


@pytest.mark.parametrize("one", CLASSES)
def test_the_drawing_shows_the_status(one: type[AntiphonError]) -> None:
    status = drawn()[one.__name__][1]

    assert status is None or status == one.status


@pytest.mark.parametrize("one", CLASSES)
def test_a_status_is_one_of_http(one: type[AntiphonError]) -> None:
    least = 202 if one is ApprovalPending else 400  # taken, and not done yet

    assert least <= HTTPStatus(one.status) < 600


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [one.code for one in CLASSES]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z_]+", code) for code in codes)
    assert all("code" in vars(one) for one in CLASSES)


@pytest.mark.parametrize("one", [one for one in CLASSES if one not in (ConfigError, WrongMethod)])
def test_an_error_says_its_code_and_status_unless_told_others(one: type[AntiphonError]) -> None:
    error = one("what is wrong; what to do", retry_after_s=2.5)

    assert (error.said_code, error.said_status) == (one.code, one.status)
    assert (error.shown_code, error.noted) == (one.code, "what is wrong; what to do")
    assert (str(error), error.message, error.retry_after_s) == (error.message, "what is wrong; what to do", 2.5)


def test_a_code_status_and_parameter_can_be_given() -> None:
    error = AntiphonError("no", code="model_not_found", status=404, param="model")

    assert (error.said_code, error.said_status, error.param) == ("model_not_found", 404, "model")
    assert (AntiphonError.code, AntiphonError.status) == ("internal_error", 500)


def test_an_upstream_may_have_taken_a_request_unless_told() -> None:
    assert UpstreamError("no").connected


def test_an_upstream_error_carries_what_the_upstream_said() -> None:
    error = UpstreamError("no", status=418, upstream_status=503, body=b"busy")

    assert (error.said_status, error.upstream_status, error.body) == (418, 503, b"busy")


@pytest.mark.parametrize("one", CLASSES)
def test_the_callers_mistakes_are_not_worth_trying_again(one: type[AntiphonError]) -> None:
    if one.status < 500 and one.status != 429:
        assert not one.retryable


def test_a_wrong_method_names_those_that_are_right() -> None:
    error = WrongMethod("/livez takes GET only", allow="GET, HEAD")

    assert (error.said_code, error.said_status, error.allow) == ("method_not_allowed", 405, "GET, HEAD")


def test_a_configuration_error_lists_every_problem() -> None:
    problems = [
        Problem(file="a.yaml", line=line, path="server.port", wrong="is no number", remedy="write one")
        for line in (3, 7)
    ]

    assert str(ConfigError(problems)).splitlines() == [
        "a.yaml:3: server.port: is no number; write one",
        "a.yaml:7: server.port: is no number; write one",
    ]


def test_a_store_that_fails_may_be_asked_again() -> None:
    assert StoreError("full").retryable
