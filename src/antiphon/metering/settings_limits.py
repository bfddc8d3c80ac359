"""Rate limits, and the cluster that shares their counters."""

from collections.abc import Iterable
from typing import Annotated, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

from msgspec import Meta, Struct

from antiphon.core.budget import Scope
from antiphon.core.limit import AT_ONCE, LIMIT_KINDS, PER_NS, Limit, Per, WhenAway
from antiphon.core.secret import Secret
from antiphon.metering.settings import NAME
from antiphon.net.egress import is_this_machine

MOST = 1_000_000_000_000
Number = Annotated[int, Meta(ge=1, le=MOST)]
LEAST_EACH_NS = 10
"""Of a faster limit a nanosecond, which units are counted in, would be more than a tenth."""
MOST_PERIODS = 30
"""Times what passes in a period that may come at once."""
KEPT_TLS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_min_version"})
"""Words of redis-py's in an address that leave the server's proof as it is."""
SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")
Mistake = tuple[str, str, str]
"""Path below the limit, empty: the limit itself; what is wrong; what to write."""


class RateLimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of how much passes per time, or runs at once, for each value of what they are counted by."""

    name: Annotated[
        str, Meta(pattern=NAME, max_length=100, description="What errors and metrics call it. One of a kind.")
    ]
    on: Annotated[
        list[Scope] | None,
        Meta(
            description="What it is counted by: each value, or combination of values, has a limit of its own. A request that has no value for one of them isn't counted. Default `[tenant]`; with `shared` none: one limit for all."
        ),
    ] = None
    only: Annotated[
        dict[str, list[str]],
        Meta(
            description="Values that it is for, by what it is counted by; a trailing * stands for any ending. Default: all."
        ),
    ] = {}
    requests: Annotated[
        Number | None,
        Meta(description="Requests; with tier, provider or deployment among what it is counted by: attempts."),
    ] = None
    tokens: Annotated[Number | None, Meta(description="Tokens, input and output together.")] = None
    input_tokens: Annotated[Number | None, Meta(description="Tokens of input, cached ones included.")] = None
    output_tokens: Annotated[Number | None, Meta(description="Tokens of output.")] = None
    concurrent_requests: Annotated[Number | None, Meta(description="Requests that run at once, streams included.")] = (
        None
    )
    concurrent_streams: Annotated[Number | None, Meta(description="Streams that run at once.")] = None
    per: Annotated[
        Per, Meta(description="The time that requests and tokens are for; what runs at once has none. Default minute.")
    ] = "minute"
    burst: Annotated[
        Number | None,
        Meta(
            description="So many requests or tokens may come at once after a pause; in any time no more passes than this and what the rate allows in it. For a limit of exactly one of requests and tokens. Default: as many as in one `per`."
        ),
    ] = None
    shared: Annotated[
        bool, Meta(description="All tenants draw from the same limit; else each has its own. Default false.")
    ] = False
    when_away: Annotated[
        WhenAway,
        Meta(
            description="With `cluster`, while Valkey can't be reached: `local`: each worker enforces its part, the limit divided by replicas and workers, by itself; `refuse`: 503; `allow`: requests pass uncounted. Default local."
        ),
    ] = "local"


class ClusterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Valkey or Redis, by which replicas share limits and what is known of deployments."""

    url: Annotated[
        Secret | None,
        Meta(
            description="`redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` with TLS, or `unix://PATH`; `valkey://` and `valkeys://` mean the first two. Needs the extra `valkey`. Default: none; then the workers of one machine share files."
        ),
    ] = None
    timeout_ms: Annotated[
        float,
        Meta(
            gt=0,
            le=5000,
            description="Milliseconds for one question, connecting included: above 0, up to 5000. After one that had no answer none is asked for a second. Default 50.",
        ),
    ] = 50.0
    replicas: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Gateways that share it, 1 to 10000: by it and `server.workers` each worker's part of a limit is known while Valkey is away. Default 1.",
        ),
    ] = 1
    ca_file: Annotated[
        str | None,
        Meta(
            description="PEM file of authorities that a server with TLS is proven by, in place of the system's. Default: the system's."
        ),
    ] = None
    insecure: Annotated[
        bool,
        Meta(
            description="A server that is not this machine needs no TLS, or need not prove its name: anybody on the way may read and change what is said. Default false."
        ),
    ] = False
    namespace: Annotated[
        str,
        Meta(
            pattern=NAME,
            max_length=64,
            description="Begins every key in Valkey. Gateways of the same one share limits. Default antiphon.",
        ),
    ] = "antiphon"

    def check(self) -> list[Mistake]:
        """Mistakes that the single values don't show."""
        if self.url is None:
            return []
        url = urlsplit(self.url.reveal())
        if url.scheme not in SCHEMES or not (url.path if url.scheme == "unix" else url.hostname):
            return [("url", "is no address of a Valkey", "write redis://HOST:6379, or rediss:// for TLS")]
        wrong = "" if self.insecure else _open(url)
        return [("url", wrong, "write rediss:// without it, or `insecure: true`")] if wrong else []


def _open(url: SplitResult) -> str:
    """Why anybody on the way could read and change what is said to a server; empty: nobody could."""
    if url.scheme == "unix" or is_this_machine(url.hostname or ""):
        return ""
    if url.scheme not in ("rediss", "valkeys"):
        return f"{url.scheme}:// to another machine is not encrypted"
    off = sorted(name for name, _ in parse_qsl(url.query) if name.startswith("ssl_") and name not in KEPT_TLS)
    return f"{off[0]} changes how the server is proven" if off else ""


def limits(written: Iterable[RateLimitSettings]) -> tuple[Limit, ...]:
    """Those that were checked, one for each kind, in order."""
    return tuple(limit for one in written for limit in limits_of(one))


def limits_of(written: RateLimitSettings) -> tuple[Limit, ...]:
    """One limit for each number that is written."""
    scopes: tuple[Scope, ...] = () if written.shared else ("tenant",)
    return tuple(
        Limit(
            name=written.name,
            kind=kind,
            number=getattr(written, kind),
            per=written.per,
            burst=0 if kind in AT_ONCE else written.burst or 0,
            scopes=scopes if written.on is None else tuple(written.on),
            only={cast("Scope", scope): tuple(values) for scope, values in written.only.items()},
            shared=written.shared,
            when_away=written.when_away,
        )
        for kind in LIMIT_KINDS
        if getattr(written, kind) is not None
    )


def mistakes(written: RateLimitSettings) -> list[Mistake]:
    """What is wrong with one limit by itself."""
    kinds = [kind for kind in LIMIT_KINDS if getattr(written, kind) is not None]
    rates = [kind for kind in kinds if kind not in AT_ONCE]
    found: list[Mistake] = []
    if not kinds:
        found.append(("", "limits nothing", f"write one or more of {', '.join(LIMIT_KINDS)}"))
    for kind in rates:
        number: int = getattr(written, kind)
        if PER_NS[written.per] < number * LEAST_EACH_NS:
            most = PER_NS[written.per] // LEAST_EACH_NS
            found.append((kind, f"{number} a {written.per} is more than can be told apart", f"write at most {most}"))
    if written.burst is not None:
        found += _burst(written.burst, [(kind, getattr(written, kind)) for kind in rates])
    return found


def _burst(burst: int, rates: list[tuple[str, int]]) -> list[Mistake]:
    if not rates:
        return [
            (
                "burst",
                "there is no rate that it would belong to",
                "write `requests` or a kind of tokens, or leave it out",
            )
        ]
    if len(rates) > 1:
        names = " and ".join(kind for kind, _ in rates)
        return [("burst", f"it is for one rate, and there are {names}", "write each as a limit of its own")]
    kind, number = rates[0]
    if burst > MOST_PERIODS * number:
        return [
            ("burst", f"{burst} is more than {MOST_PERIODS} times {kind}", f"write at most {MOST_PERIODS * number}")
        ]
    return []
