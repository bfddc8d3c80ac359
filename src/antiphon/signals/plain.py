"""Facts that are read off: of the request, its size and tools, the caller and the time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from antiphon.core.request import Need
from antiphon.core.signal import Value
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.judged import Judged, unknown
from antiphon.signals.tokens import IMAGE, MESSAGE, tokens_of

NS = 1_000_000_000
TOOLS: frozenset[Need] = frozenset({"tools", "server_tools", "web_search"})


def _media(at: int, need: Need) -> How:
    """How many images, sounds or files there are; without the need the request isn't read."""

    def work(facts: RequestFacts) -> Value:
        return facts.said.media[at] if need in facts.about.request.head.needs else 0

    return work


def _output_tokens(facts: RequestFacts) -> Value | Judged:
    found = facts.about.request.head.output_tokens
    return unknown("the request doesn't bound its answer") if found is None else found


def _temperature(facts: RequestFacts) -> Value | Judged:
    found = facts.said.temperature
    return unknown("the request doesn't say") if found is None else float(found)


def _tokens(facts: RequestFacts) -> Value:
    said = facts.said
    count = sum(tokens_of(text) for _, text in said.turns) + MESSAGE * len(said.turns) + IMAGE * said.media[0]
    if said.definitions:
        count += tokens_of(said.definitions)
    if said.calls:
        count += tokens_of(said.calls)
    return round(count)


def _share(facts: RequestFacts) -> Value | Judged:
    window = facts.about.window_tokens
    if not window:
        return unknown("the window of the smallest candidate is unknown")
    tokens = facts.value("context.tokens")
    return unknown(facts.fact("context.tokens").why) if tokens is None else int(tokens) / window  # type: ignore[arg-type]


def tools_of(facts: RequestFacts) -> tuple[str, ...]:
    """Names of the tools that are offered. Raises: Unread."""
    return facts.said.tools if TOOLS & facts.about.request.head.needs else ()


def _required(facts: RequestFacts) -> Value:
    return bool(tools_of(facts)) and facts.said.required


def _zoned(zone: ZoneInfo | None) -> Mapping[str, How]:
    """By the clock of a zone; None: UTC."""

    def moment(facts: RequestFacts) -> datetime:
        return datetime.fromtimestamp(facts.about.now_ns // NS, zone or UTC)

    return {
        "time.hour": lambda facts: moment(facts).hour,
        "time.weekday": lambda facts: moment(facts).isoweekday(),
        "time.zone": lambda _: "UTC" if zone is None else zone.key,
    }


def clock(zone: str) -> Mapping[str, How]:
    """Facts of the time in a zone. Raises: ZoneInfoNotFoundError, ValueError."""
    return _zoned(None if zone == "UTC" else ZoneInfo(zone))


def header_of(name: str) -> How:
    """How the fact of a header is worked out."""
    wire = name.removeprefix("header.").replace("_", "-").encode()
    return lambda facts: facts.about.headers.get(wire, b"").decode("utf-8", "replace")


def _not_yet(_: RequestFacts) -> Judged:
    return unknown("no guard has looked")


HOW: Mapping[str, How] = MappingProxyType(
    {
        "request.bytes": lambda facts: facts.about.request.body.size_bytes,
        "request.model": lambda facts: facts.about.request.head.model,
        "request.dialect": lambda facts: facts.about.request.head.dialect,
        "request.stream": lambda facts: facts.about.request.head.stream,
        "request.images": _media(0, "images"),
        "request.audio": _media(1, "audio"),
        "request.files": _media(2, "files"),
        "request.answers": lambda facts: facts.about.request.head.answers,
        "request.output_tokens": _output_tokens,
        "request.temperature": _temperature,
        "context.tokens": _tokens,
        "context.share": _share,
        "tools.count": lambda facts: len(tools_of(facts)),
        "tools.names": tools_of,
        "tools.required": _required,
        "tools.results": lambda facts: len(facts.said.of("tool")),
        "talk.turns": lambda facts: len(facts.said.asks),
        "talk.system": lambda facts: bool(facts.said.system.strip()),
        "who.tenant": lambda facts: facts.about.principal.tenant,
        "who.team": lambda facts: facts.about.principal.team,
        "who.department": lambda facts: facts.about.principal.department,
        "who.user": lambda facts: facts.about.principal.user,
        "who.key": lambda facts: facts.about.principal.key,
        "who.tags": lambda facts: facts.about.principal.tags,
        "time.now": lambda facts: facts.about.now_ns,
        "finding.sensitivity": _not_yet,
        "finding.injection": _not_yet,
    }
)
