"""Every path and header of the server is on the reference's page."""

import re

from pages.page import reference
from pages.source import byte_texts, module, modules, texts

from antiphon.server import ask, paths, reply
from antiphon.wire import lineage as lineage_headers
from antiphon.wire.codecs import CODECS

PAGE = reference("http-api")
HEADINGS = [title for title in PAGE.sections() if re.match(r"(?:GET|POST|PUT|PATCH|DELETE|WS) /", title)]
PATH = re.compile(r"/(?:v1|v2|v1beta|livez|readyz|metrics|passthrough)(?:[/:][\w{}./:-]*)?")
"""A path as the source writes it; one that ends in a slash has an id behind it."""
PREFIXES = {"/v1", "/v1/", "/v2", "/v2/", "/v1beta", "/v1beta/"}
"""What only says in which dialect or form an error is told."""
MODULES = (
    *("server/site.py", "server/ask.py", "wire/lineage.py", "server/reply.py", "net/connection.py", "net/exchange.py"),
    *(
        "recipes/last_resort.py",
        "gateway/share.py",
        "gateway/count.py",
        "calls/ask.py",
        "calls/story.py",
        "recipes/progress.py",
        "recipes/weigh.py",
        "recipes/perform.py",
        "signals/wording.py",
        "calls/deadline.py",
        "governance/approving.py",
        "governance/labels.py",
        "governance/standing.py",
    ),
    *("wire/losses.py", "control/counting.py", "server/files.py", "calls/cache.py"),
)
HEADER = re.compile(
    r"^(x-(?:antiphon|server|stainless)(?:-[a-z]+)+|traceparent|tracestate|retry-after|www-authenticate|cache-control)"
    r"(?=:|$)",
    re.MULTILINE,
)


def served() -> set[str]:
    """Paths that the server's modules name, without what its ids are called."""
    trees = [tree for name, tree in modules().items() if name.startswith("server/")]
    found = {
        text
        for tree in trees
        for text in (*byte_texts(tree), *texts(tree))
        if PATH.fullmatch(text) and not text.endswith(":")
    }
    return {_plain(f"{path}{{id}}" if path.endswith("/") else path) for path in found - PREFIXES}


def described() -> set[str]:
    """Paths in headings and in tables."""
    tables = [heading for heading, text in PAGE.sections().items() if "\n|" in text]
    cells = (name for heading in tables for row in PAGE.rows(heading) for name in names(row[0]))
    marked = re.findall(r"`(?:GET|POST) (/[^`]+)`", PAGE.prose)
    said = (*HEADINGS, *cells, *marked)
    return {_plain(re.sub(r"^(?:[A-Z]+ )+", "", one)) for one in said if "/" in one}


def _plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def calls() -> dict[str, str]:
    """Paths of model calls, and their dialects."""
    fixed = {path.decode(): call.codec.name for path, call in paths._FIXED.items()}
    gemini = {f"/v1beta/models/{{model}}:{action}": dialect for action, (dialect, _) in paths._ACTIONS.items()}
    return fixed | gemini


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def rows(heading: str) -> set[str]:
    return {name for row in PAGE.rows(heading) for name in names(row[0])}


def test_every_path_is_described() -> None:
    assert sorted(served() - described()) == []


def test_every_model_call_has_its_row_with_its_dialect() -> None:
    said = {next(iter(names(row[0]))): next(iter(names(row[1]))) for row in PAGE.rows("Model calls")}
    assert said == calls()


def test_every_header_has_its_row() -> None:
    known = rows("Headers in") | rows("Headers out")
    found = {name for text in byte_texts_of_all() for name in HEADER.findall(text)}
    passed = {name.decode() for codec in CODECS.values() for name in (*reply._PASSED, *codec.passes)}
    lineage = {name.decode() for name, _ in lineage_headers._LINEAGE}
    keys = {name.decode() for name in ask._KEY_HEADERS}
    assert sorted((found | passed | lineage | keys) - known) == []
    assert {name for name in known if name.startswith("x-antiphon-")} <= found | lineage | passed


def test_headers_that_go_on_to_an_upstream_are_named() -> None:
    carried = [name.decode() for codec in CODECS.values() for name in codec.carries]
    assert [name for name in carried if f"`{name}`" not in PAGE.sections()["Headers in"]] == []


def byte_texts_of_all() -> list[str]:
    return [text for name in MODULES for text in byte_texts(module(name))] + ["retry-after", "www-authenticate"]


def test_the_length_of_a_name_is_the_one_that_is_refused() -> None:
    assert f"have {lineage_headers.MAX_NAME} characters at most" in PAGE.text
