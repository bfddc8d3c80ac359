"""What does harm where an answer is shown or run: links and images that carry data away, terminal codes, HTML, statements."""

# RE2 brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import re2

from antiphon.guards.folding import sound
from antiphon.guards.overlaps import apart
from antiphon.guards.port import LONGEST_TAIL, Detector, Match
from antiphon.guards.settings_content import OutputSettings, Statement

NOWHERE = "about:blank"
REMOVED = "[removed]"
_URL = re.compile(r"(?:\b(?:https?|ftp|wss?):|(?<![\w:/]))(?://|\\\\)[^\s<>\"'`|\\^{}\x00-\x1f]{2,2000}", re.IGNORECASE)
_IMAGE = re.compile(
    r"(?:!\[[^\]\n]{0,200}\]\(\s*<?|<(?:img|source|video|audio|link|iframe|embed)\b[^>\n]{0,200}?(?:src|srcset|href|poster)"
    r"\s*=\s*[\"']?|url\(\s*[\"']?)\Z",
    re.IGNORECASE,
)
"""What stands before an address that is fetched without being asked for."""
_BEFORE = 250
_SLASHES = "/\\"
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_ENDS = ".,;:!?*_"
_PARTS = re.compile(r"[/?&=;#+,]")
_ENCODED = re.compile(r"[A-Za-z0-9_\-~.%+/=]+")
_SPOKEN = re.compile(r"[-_.+ ]|%20")
MOST_DIGITLESS = 24
"""Letters in a row of a value that is no word."""
_CONTROL = re.compile(
    r"\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b[\]PX^_][^\x07\x1b]{0,90}(?:\x07|\x1b\\)|\x1b[ -/]?[0-~]?|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
"""Source: ECMA-48, fifth edition, 5.3 and 5.4."""
_HTML: Any = re2.compile(
    r"(?i)"
    r"<\s*/?\s*(?:script|iframe|frame|object|embed|applet|link|meta|base|form|style|svg|math|template)\b"
    r"|<[a-z][^>\n]{0,80}?\son[a-z]{3,20}\s*=|\b(?:javascript|vbscript)\s*:|\bdata:text/html",
)
_STATEMENTS: dict[Statement, Any] = {
    "sql": re2.compile(
        r"(?im)"
        r"\b(?:drop\s+(?:table|database|schema|view|user|role|index)\b|truncate\s+(?:table\s+)?\w+|alter\s+table\s+\S{1,40}\s+drop\b"
        r"|delete\s+from\s+[\w.\"`\[\]]{1,60}\s*(?:;|$)|union\s+(?:all\s+)?select\b|into\s+(?:out|dump)file\b|xp_cmdshell\b"
        r"|grant\s+all\b|exec(?:ute)?\s+immediate\b|load_file\s*\()|'\s*or\s+'?1'?\s*=\s*'?1",
    ),
    "shell": re2.compile(
        r"(?i)"
        r"\brm\s+(?:-{1,2}[\w-]+\s+){1,4}(?:/|~|\*|\.|\$)\S{0,40}|\b(?:curl|wget|fetch)\b[^\n|;]{0,70}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b"
        r"|\bmkfs(?:\.\w+)?\s|\bdd\s+[^\n]{0,60}of=/dev/\w+|:\(\)\s*\{\s*:\|:&\s*\};:|\bchmod\s+(?:-R\s+)?[0-7]?777\s+/\S{0,40}"
        r"|>\s*/dev/(?:sd|nvme|hd)\w+|\b(?:nc|ncat|netcat)\b[^\n]{0,40}\s-e\s|\bbase64\s+(?:-d|--decode)\b[^\n]{0,40}\|\s*(?:ba|z)?sh\b"
        r"|/dev/tcp/\S{1,60}|\bshutdown\s+(?:-h|-r|now)\b|\bRemove-Item\b[^\n]{0,60}-Recurse|\bIEX\s*\(|\bdel\s+/[sfq]\s|\bformat\s+[a-z]:"
    ),
}
_OPEN_URL = re.compile(
    r"(?:(?<![a-z])(?:h|ht|htt|https?|f|ft|ftp|w|ws|wss)|(?<![a-z])(?:https?|ftp|wss?):(?://?)?|(?<![\w:/])//?"
    r"|(?:(?<![a-z])(?:https?|ftp|wss?):)?//[^\s<>\"'`|\\^{}]*)\Z",
    re.IGNORECASE,
)
_OPEN_CONTROL = re.compile(r"\x1b[^\x07@-Z^-~]{0,95}\Z|\x1b[\]PX^_][^\x07]{0,95}\Z")
_OPEN_HTML = re.compile(r"<[^>\n]{0,95}\Z|(?<![a-z])[a-z]{1,10}\s*\Z|\bdata:[a-z/]{0,10}\Z", re.IGNORECASE | re.ASCII)
_OPEN_STATEMENT = re.compile(
    r"(?:(?:\b(?:drop|truncate|alter|delete|union|into|grant|exec|execute|rm|curl|wget|fetch|mkfs|dd|chmod|nc|ncat|netcat|base64"
    r"|shutdown|remove-item|iex|del|format|load_file)\b|[:>'])[^\n]{0,90}|/[a-z/]{0,12}|(?<![a-z])[a-z_-]{1,12})\Z",
    re.IGNORECASE | re.ASCII,
)


class OutputDetector(Detector):
    """Kinds: `link`, `image`, `exfiltration`, `control`, `html`, `sql`, `shell`."""

    def __init__(self, settings: OutputSettings) -> None:
        self._settings = settings
        self._hosts = None if settings.hosts is None else Hosts(settings.hosts)
        images = settings.image_hosts if settings.image_hosts is not None else settings.hosts
        self._image_hosts = Hosts(images or ())
        self._open = [_OPEN_URL]
        if settings.control:
            self._open.append(_OPEN_CONTROL)
        if settings.html:
            self._open.append(_OPEN_HTML)
        if settings.statements:
            self._open.append(_OPEN_STATEMENT)

    def find(self, text: str) -> Sequence[Match]:
        text = sound(text)
        found: list[Match] = list(self._links(text)) if "//" in text or "\\\\" in text else []
        if self._settings.control and not text.isprintable():
            found += (Match(*one.span(), "control", "output.control") for one in _CONTROL.finditer(text))
        if self._settings.html:
            found += (Match(one.start(), one.end(), "html", "output.html") for one in _HTML.finditer(text))
        for kind in self._settings.statements:
            found += (Match(one.start(), one.end(), kind, f"output.{kind}") for one in _STATEMENTS[kind].finditer(text))
        return apart(found)

    def tail(self, text: str) -> int:
        begin = max(len(text) - LONGEST_TAIL, 0)
        return min(
            (one.start() for way in self._open if (one := way.search(text, begin)) is not None), default=len(text)
        )

    def mended(self, text: str, match: Match) -> str:
        """An address leads nowhere, HTML is shown as it is written, a statement is taken out."""
        match match.kind:
            case "link" | "image" | "exfiltration":
                return NOWHERE
            case "html":
                return text[match.start : match.end].replace("<", "&lt;").replace(":", "&#58;")
            case "sql" | "shell":
                return REMOVED
            case _:
                return ""

    def _links(self, text: str) -> Iterator[Match]:
        for found in _URL.finditer(text):
            url = _bare(found[0])
            start, end = found.start(), found.start() + len(url)
            host = host_of(url)
            if url[0] in _SLASHES and "." not in host:
                continue  # a comment, or a path
            image = _IMAGE.search(text[max(start - _BEFORE, 0) : start]) is not None
            if image and not self._image_hosts.allow(host):
                yield Match(start, end, "image", "output.image")
            elif not image and self._hosts is not None and not self._hosts.allow(host):
                yield Match(start, end, "link", "output.link")
            elif self._carries(url) and not (self._hosts is not None and self._hosts.allow(host)):
                yield Match(start, end, "exfiltration", "output.exfiltration")

    def _carries(self, url: str) -> bool:
        """Whether a value in an address looks like encoded data."""
        most = self._settings.query_characters
        if not most or len(url) < most:
            return False
        rest = url.split("//", 1)[-1].partition("/")[2] or url.partition("?")[2]
        return any(len(part) >= most and _encoded(part) for part in _PARTS.split(rest))


def _bare(url: str) -> str:
    """Without what ends the sentence or the bracket that it stands in."""
    while url:
        last = url[-1]
        if last in _ENDS or (last in _CLOSERS and url.count(last) > url.count(_CLOSERS[last])):
            url = url[:-1]
        else:
            break
    return url


def _encoded(value: str) -> bool:
    """Long, and without the gaps that words in addresses have."""
    if value.count("%") * 6 > len(value):
        return True
    words = _SPOKEN.split(unquote(value))
    return max(map(len, words)) >= MOST_DIGITLESS and _ENCODED.fullmatch(value) is not None


def host_of(url: str) -> str:
    """In lower case, without name, password and port; empty: it has none."""
    try:
        host = urlsplit(url.replace("\\", "/")).hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".")


class Hosts:
    """Hosts that are allowed."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._exact = frozenset(host.lower() for host in hosts if not host.startswith("*."))
        self._below = tuple(host[1:].lower() for host in hosts if host.startswith("*."))

    def allow(self, host: str) -> bool:
        return host in self._exact or any(host.endswith(below) or host == below[1:] for below in self._below)
