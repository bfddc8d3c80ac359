"""Every error code has its heading in the reference, with the status and type that callers get."""

import re

import pytest
from pages.page import reference
from pages.source import assigned, keywords, modules, texts

from antiphon.core.error import AntiphonError, UpstreamRefused
from antiphon.wire.openai_chat.errors import encode

PAGE = reference("errors")
GROUPS = {
    "Errors",
    "What the caller sent",
    "What the gateway can't do now",
    "What the upstream did",
    "What no answer says",
}
NEVER_ANSWERED = {"config_error", "drain_timeout", "process_died", "response_interrupted"}
LINES = ("Status", "Type", "Try again", "When", "Remedy")
OURS = ("providers/lab/", "cli/", "config/")
"""Folders whose words are documented elsewhere: a lab's own errors in `lab.md`, commands' in `cli.md`."""
ROOMS = tuple(f"antiphon.{folder.strip('/').replace('/', '.')}." for folder in OURS)


def kinds(root: type[AntiphonError] = AntiphonError) -> set[type[AntiphonError]]:
    """The tree, but for what a room of `OURS` adds to it."""
    mine = [one for one in root.__subclasses__() if one.__module__.startswith("antiphon.")]
    children = [one for one in mine if not one.__module__.startswith(ROOMS)]
    return {root, *(kind for child in children for kind in kinds(child))}


def codes() -> set[str]:
    """Codes of the tree, and those that are given where an error is raised or recorded."""
    found: set[str] = set()
    for tree in modules(without=OURS).values():
        for word in (*keywords(tree, "code"), *keywords(tree, "error")):
            found.add(word)
        table = assigned(tree, "_CODES")
        if table is not None:
            found.update(texts(table))
    given = {word for word in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", word)}
    return given | {kind.code for kind in kinds()}


def entries() -> dict[str, str]:
    return {title: body for title, body in PAGE.sections().items() if title not in GROUPS}


def said(code: str, line: str) -> str:
    match = re.search(rf"^- {line}: (.+)$", entries()[code], re.MULTILINE)
    assert match is not None, f"{code} has no line {line!r}"
    return match[1]


def test_every_code_has_a_heading_and_every_heading_is_a_code() -> None:
    assert sorted(entries()) == sorted(codes())


@pytest.mark.parametrize("code", sorted(entries()))
def test_an_entry_says_everything(code: str) -> None:
    assert [line for line in LINES if len(said(code, line)) < 2] == []


@pytest.mark.parametrize(
    "kind",
    sorted((kind for kind in kinds() if kind.code not in NEVER_ANSWERED), key=lambda kind: kind.code),
    ids=lambda kind: kind.code,
)
def test_status_and_type_are_those_that_callers_get(kind: type[AntiphonError]) -> None:
    if kind is UpstreamRefused:
        assert said(kind.code, "Status").startswith("the upstream's")
        return
    error = kind("no")
    assert said(kind.code, "Status") == str(error.said_status)
    assert said(kind.code, "Type") == f"`{type_of(error)}`"


@pytest.mark.parametrize("code", sorted(set(entries()) - {kind.code for kind in kinds()} - NEVER_ANSWERED))
def test_the_type_of_a_code_that_is_given_follows_from_its_status(code: str) -> None:
    error = AntiphonError("no", code=code, status=int(said(code, "Status")))
    assert said(code, "Type") == f"`{type_of(error)}`"


def type_of(error: AntiphonError) -> str:
    match = re.search(rb'"type":"(\w+)"', encode(error))
    assert match is not None
    return match[1].decode()


def test_the_listener_s_statuses_have_the_codes_that_the_page_gives_them() -> None:
    from antiphon.server import site

    assert {said(code, "Status") for code in site._CODES.values()} == {str(status) for status in site._CODES}
    assert all(said(code, "Status") == str(status) for status, code in site._CODES.items())
