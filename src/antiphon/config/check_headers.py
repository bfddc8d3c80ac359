"""Whether texts can go into an HTTP head."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.core.secret import Secret
from antiphon.wire.yaml_node import Path

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110, section 5.6.2."""
VALUE = re.compile(r"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?|")
"""Source: RFC 9110, section 5.5; no space at either end."""
CREDENTIAL = re.compile(r"[\x21-\x7e]*")
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})
"""Headers that frame a request and are written by the gateway alone."""


def check_headers(headers: dict[str, Secret], path: Path, written: Written) -> Iterator[Problem]:
    """Names and values of extra headers. Values are not shown: they may be credentials."""
    if not written.sound(path):
        return
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            yield written.problem((*path, name), "this is not a header's name", "use letters, digits and -")
        elif name.lower() in OURS:
            yield written.problem((*path, name), "this header is the gateway's own to write", "leave it out")
        if not VALUE.fullmatch(value.reveal()):
            wrong = "the value has a character that a header can't carry"
            yield written.problem((*path, name), wrong, "leave out line breaks, control and other signs")


def check_credential(text: str, path: Path, written: Written) -> Iterator[Problem]:
    """A key that travels in a header."""
    if not CREDENTIAL.fullmatch(text):
        wrong = "has a space, a line break or another character that no key has"
        yield written.problem(path, wrong, "look for what was copied with it")


def check_web_url(text: str, path: Path, written: Written) -> Iterator[Problem]:
    """An address that is asked by HTTP. It is not shown: it may hold a token."""
    wrong = [*check_url(text, path, written)]
    yield from wrong
    if not wrong and urlsplit(text).scheme not in ("http", "https"):
        yield written.problem(path, "begins with neither http:// nor https://", "write it like https://host:port/path")


def check_url(text: str, path: Path, written: Written) -> Iterator[Problem]:
    """An address to connect to. It is not shown: it may hold a password."""
    try:
        url = urlsplit(text)
        good = bool(url.hostname) and (url.port is None or url.port > 0) and CREDENTIAL.fullmatch(text)
    except ValueError:
        good = False
    if not good:
        yield written.problem(path, "this is not a URL with a host", "write it like https://host:port/path")
