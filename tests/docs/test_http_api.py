"""Every path and header of the server is on the reference's page."""

import re

from pages.page import reference
from pages.source import byte_texts, module

from antiphon.server import openai_chat, reply

PAGE = reference("http-api")
PATHS = {
    title.split(" ", 1)[1]: title.split(" ", 1)[0] for title in PAGE.sections() if title.startswith(("GET ", "POST "))
}
MODULES = (
    *("server/site.py", "server/ask.py", "server/reply.py", "net/connection.py", "net/exchange.py"),
    *("gateway/last_resort.py", "gateway/share.py", "calls/ask.py", "gateway/story.py", "calls/deadline.py"),
)
HEADER = re.compile(
    r"^(x-(?:antiphon|server|stainless)(?:-[a-z]+)+|traceparent|tracestate|retry-after|www-authenticate|cache-control)"
    r"(?=:|$)",
    re.MULTILINE,
)


def served() -> set[str]:
    """Paths that the site matches; one that ends in a slash has an id behind it."""
    paths = {text for text in byte_texts(module("server/site.py")) if text.startswith("/") and len(text) > 1}
    return {f"{path}{{id}}" if path.endswith("/") else path for path in paths} - {"/v1/{id}"}


def rows(heading: str) -> set[str]:
    return {row[0].strip("`") for row in PAGE.rows(heading)}


def test_every_path_has_its_heading() -> None:
    assert set(PATHS) == served()
    assert [path for path, method in PATHS.items() if method == "POST"] == ["/v1/chat/completions"]


def test_every_header_has_its_row() -> None:
    known = rows("Headers in") | rows("Headers out")
    found = {name for text in byte_texts_of_all() for name in HEADER.findall(text)}
    passed = {name.decode() for name in reply._PASSED}
    lineage = {name.decode() for name, _ in openai_chat._LINEAGE}
    assert found | passed | lineage <= known
    assert {name for name in known if name.startswith("x-antiphon-")} <= found | lineage


def byte_texts_of_all() -> list[str]:
    return [text for name in MODULES for text in byte_texts(module(name))] + ["retry-after", "www-authenticate"]


def test_the_length_of_a_name_is_the_one_that_is_refused() -> None:
    assert f"have {openai_chat.MAX_NAME} characters at most" in PAGE.text
