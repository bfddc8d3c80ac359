"""Receipts as rows of a table: what reports need, one typed column for each fact."""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from antiphon.core.usage import Usage

Kind = Literal["string", "strings", "time", "int64", "int16", "bool", "money", "tries"]
FREE_STARTS: tuple[str, ...] = ("/v1/files", "/v1/batches")
FREE_ENDS: tuple[str, ...] = ("/count_tokens", "/input_tokens", ":countTokens")
"""Endpoints whose upstream calls use nothing that is paid for."""
NO_USAGE = Usage()


class Who(Struct, frozen=True, gc=False):
    """Of a principal, what is reported by."""

    tenant: str = ""
    key: str = ""
    user: str = ""
    team: str = ""
    department: str = ""
    tags: tuple[str, ...] = ()


class Timed(Struct, frozen=True, gc=False):
    first_token_us: int | None = None
    last_byte_us: int | None = None


class Tried(Struct, frozen=True, gc=False):
    """Of an attempt, what is reported by."""

    deployment: str = ""
    provider: str = ""
    model: str = ""
    zone: str = ""
    region: str = ""
    tier: str = ""
    started_us: int = 0
    timings: Timed = Timed()
    status: int | None = None
    error: str = ""
    failure: str = ""
    reason: str = ""
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    assumed: bool = False
    overrun_nano_usd: int = 0
    price: str = ""

    @property
    def unpriced(self) -> bool:
        """It used what has no price."""
        return self.usage is not None and self.cost_nano_usd is None

    @property
    def unmeasured(self) -> bool:
        """It was answered, and nobody said what that took."""
        return self.usage is None and self.cost_nano_usd is None and not self.error


class Under(Struct, frozen=True, gc=False):
    session: str = ""
    run: str = ""
    step: str = ""
    parent: str = ""


class Planned(Struct, frozen=True, gc=False):
    route: str = ""


class Row(Struct, frozen=True, gc=False):
    """Of a receipt's JSON, what goes into a table; the rest is not read."""

    id: str
    at_ns: int
    outcome: str
    revision: str = ""
    status: int = 0
    error: str = ""
    served: str = ""
    stream: bool = False
    attempts: tuple[Tried, ...] = ()
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    spent_nano_usd: int | None = None
    cost_basis: str = ""
    duration_us: int = 0
    first_token_us: int | None = None
    lineage: Under = Under()
    trace_id: str = ""
    user: str = ""
    shared: str = ""
    cached: str = ""
    saved_nano_usd: int | None = None
    principal: Who = Who()
    endpoint: str = ""
    dialect: str = ""
    asked: str = ""
    plan: Planned = Planned()

    @property
    def answerer(self) -> Tried | None:
        """The attempt whose answer was released, else the last one."""
        for one in reversed(self.attempts):
            if one.deployment == self.served and not one.error:
                return one
        return self.attempts[-1] if self.attempts else None

    @property
    def spent(self) -> int | None:
        """What all attempts cost; None where nothing is known to have cost anything."""
        return self.cost_nano_usd if self.spent_nano_usd is None else self.spent_nano_usd

    @property
    def used(self) -> Usage:
        """What all attempts used."""
        reported = [one.usage for one in self.attempts if one.usage is not None]
        if len(reported) == 1:
            return reported[0]
        if not reported:
            return self.usage or NO_USAGE
        return sum(reported[1:], reported[0])

    @property
    def unmeasured(self) -> bool:
        free = self.endpoint.startswith(FREE_STARTS) or self.endpoint.endswith(FREE_ENDS)
        return not free and any(one.unmeasured for one in self.attempts)

    @property
    def unpriced_tokens(self) -> int:
        tries = (one.usage for one in self.attempts if one.unpriced)
        return sum(used.input_tokens + used.output_tokens for used in tries if used is not None)


def read(json: bytes) -> Row:
    """Raises: msgspec.MsgspecError, when it is no receipt."""
    return _decoder.decode(json)


_decoder = msgspec.json.Decoder(Row)


def _tried(one: Tried) -> dict[str, object]:
    used = one.usage
    return {
        "deployment": one.deployment,
        "provider": one.provider,
        "model": one.model,
        "zone": one.zone,
        "region": one.region,
        "tier": one.tier,
        "started_us": one.started_us,
        "first_token_us": one.timings.first_token_us,
        "duration_us": one.timings.last_byte_us,
        "status": one.status,
        "error": one.error,
        "failure": one.failure,
        "reason": one.reason,
        "input_tokens": used.input_tokens if used else None,
        "output_tokens": used.output_tokens if used else None,
        "cached_tokens": used.cached_tokens if used else None,
        "cost_nano_usd": one.cost_nano_usd,
        "assumed": one.assumed,
        "overrun_nano_usd": one.overrun_nano_usd,
        "price": one.price,
    }


TRIES: tuple[tuple[str, Kind], ...] = (
    *((name, "string") for name in ("deployment", "provider", "model", "zone", "region", "tier")),
    *((name, "int64") for name in ("started_us", "first_token_us", "duration_us")),
    ("status", "int16"),
    *((name, "string") for name in ("error", "failure", "reason")),
    *((name, "int64") for name in ("input_tokens", "output_tokens", "cached_tokens", "cost_nano_usd")),
    ("assumed", "bool"),
    ("overrun_nano_usd", "int64"),
    ("price", "string"),
)
"""Fields of each item of `attempts`."""

COLUMNS: tuple[tuple[str, Kind, Callable[[Row], object]], ...] = (
    ("id", "string", lambda row: row.id),
    ("received_at", "time", lambda row: row.at_ns),
    ("tenant", "string", lambda row: row.principal.tenant),
    ("team", "string", lambda row: row.principal.team),
    ("department", "string", lambda row: row.principal.department),
    ("user", "string", lambda row: row.principal.user),
    ("end_user", "string", lambda row: row.user),
    ("key", "string", lambda row: row.principal.key),
    ("tags", "strings", lambda row: row.principal.tags),
    ("model", "string", lambda row: row.asked),
    ("route", "string", lambda row: row.plan.route),
    ("endpoint", "string", lambda row: row.endpoint),
    ("dialect", "string", lambda row: row.dialect),
    ("deployment", "string", lambda row: row.served),
    ("provider", "string", lambda row: row.answerer.provider if row.answerer else ""),
    ("tier", "string", lambda row: row.answerer.tier if row.answerer else ""),
    ("outcome", "string", lambda row: row.outcome),
    ("status", "int16", lambda row: row.status),
    ("error", "string", lambda row: row.error),
    ("stream", "bool", lambda row: row.stream),
    *((name, "int64", lambda row, name=name: getattr(row.used, name)) for name in Usage.__struct_fields__),
    ("cost_nano_usd", "int64", lambda row: row.cost_nano_usd),
    ("spent_nano_usd", "int64", lambda row: row.spent),
    ("cost_basis", "string", lambda row: row.cost_basis),
    ("unpriced", "bool", lambda row: any(one.unpriced for one in row.attempts)),
    ("unpriced_tokens", "int64", lambda row: row.unpriced_tokens),
    ("unmeasured", "bool", lambda row: row.unmeasured),
    ("cached", "bool", lambda row: bool(row.cached or row.shared)),
    ("saved_nano_usd", "int64", lambda row: row.saved_nano_usd or 0),
    ("duration_us", "int64", lambda row: row.duration_us),
    ("first_token_us", "int64", lambda row: row.first_token_us),
    ("attempt_count", "int16", lambda row: len(row.attempts)),
    ("attempts", "tries", lambda row: [_tried(one) for one in row.attempts]),
    ("session", "string", lambda row: row.lineage.session),
    ("run", "string", lambda row: row.lineage.run),
    ("step", "string", lambda row: row.lineage.step),
    ("parent", "string", lambda row: row.lineage.parent),
    ("trace_id", "string", lambda row: row.trace_id),
    ("revision", "string", lambda row: row.revision),
)
"""Name, kind and value of each column."""
LEDGER: tuple[tuple[str, Kind], ...] = (
    ("id", "string"),
    ("booked_at", "time"),
    *((name, "string") for name in ("kind", "tenant", "receipt", "holds", "debit", "credit")),
    *((name, "int64") for name in ("money_nano_usd", "tokens", "requests", "overrun_nano_usd")),
    *((name, "string") for name in ("price", "corrects", "note")),
)
"""Columns of the ledger, as `Posting` has them; `booked_at` is `at_ns`."""
