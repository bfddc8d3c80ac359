"""Receipts of a time as a list, the newest first, a page at a time."""

from collections.abc import Callable
from typing import get_args

from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.control.spend_asked import moment
from antiphon.core.data_class import DataClass
from antiphon.core.error import BadRequest
from antiphon.core.ids import first_id
from antiphon.core.receipt import Outcome, Receipt

OUTCOMES: tuple[str, ...] = get_args(Outcome)
USUAL_SINCE = "24h"
MOST_PAGE = 200
MOST_LOOKED_AT = 5_000
"""Receipts that are read for one page; where few of them are wanted the page says how far it came."""
LONGEST_S = 400 * 86_400
LONGEST_TEXT = 256
BEHIND_ALL = "~"
"""Sorts behind every id."""
Read = Callable[[str, str, int, str | None, str | None], list[Receipt]]
"""`Records.between`."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is wanted, in the asker's words; empty: any."""

    tenant: str = ""
    model: str = ""
    """The name that was asked for, or a deployment that served; `prefix*` for all that begin so."""
    outcome: str = ""
    since: str = ""
    """Usual: 24 hours ago."""
    until: str = ""
    before: str = ""
    """Id of the receipt behind which the page begins."""


class Summary(Struct, frozen=True, kw_only=True):
    """A receipt in a line."""

    id: str
    at_ns: int
    outcome: Outcome
    status: int
    error: str
    tenant: str
    who: str
    """Key, and the user that it named."""
    asked: str
    served: str
    route: str
    stream: bool
    cached: bool
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    first_token_us: int | None
    duration_us: int
    attempts: int
    findings: int
    data_class: DataClass | None
    denied: bool


class Listed(Struct, frozen=True, kw_only=True):
    """A page of them."""

    lines: tuple[Summary, ...]
    next: str
    """Id to go on behind; empty: that was all of the time asked for."""
    since_ns: int
    until_ns: int
    looked_at: int
    """Receipts that were read for it."""


def listed(read: Read, asked: Asked, sight: Sight, now_ns: int, most: int) -> Listed:
    """A page. Blocks on files. Raises: BadRequest, NotAllowed, StoreError."""
    sight.need("read")
    since_ns, until_ns = _span(asked, now_ns)
    tenant, outcome = _tenant(asked, sight), _outcome(asked)
    first, before = first_id(since_ns), _before(asked, until_ns)
    found: list[Receipt] = []
    looked_at = 0
    chunk = max(most + 1, 100)
    while len(found) <= most and looked_at < MOST_LOOKED_AT:
        page = read(first, before, chunk, tenant, outcome)
        looked_at += len(page)
        found += [one for one in page if sight.sees(one.principal) and _named(one, asked.model)]
        if len(page) < chunk:
            before = ""
            break
        before = page[-1].id
    more = len(found) > most
    return Listed(
        lines=tuple(map(summary, found[:most])),
        next=found[most - 1].id if more else before,
        since_ns=since_ns,
        until_ns=until_ns,
        looked_at=looked_at,
    )


def summary(receipt: Receipt) -> Summary:
    """What a line says of it."""
    who, usage = receipt.principal, receipt.used or receipt.usage
    spent = receipt.spent_nano_usd
    return Summary(
        id=receipt.id,
        at_ns=receipt.at_ns,
        outcome=receipt.outcome,
        status=receipt.status,
        error=receipt.error,
        tenant="" if who is None else who.tenant,
        who="" if who is None else who.key + (f" · {who.user}" if who.user else ""),
        asked=receipt.asked,
        served=receipt.served,
        route="" if receipt.plan is None else receipt.plan.route,
        stream=receipt.stream,
        cached=bool(receipt.cached or receipt.shared),
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        cost_nano_usd=receipt.cost_nano_usd if spent is None else spent,
        first_token_us=receipt.first_token_us,
        duration_us=receipt.duration_us,
        attempts=len(receipt.attempts),
        findings=len(receipt.findings),
        data_class=None if receipt.verdict is None else receipt.verdict.data_class,
        denied=receipt.verdict is not None and not receipt.verdict.allowed,
    )


def _span(asked: Asked, now_ns: int) -> tuple[int, int]:
    since_ns = moment("since", asked.since or USUAL_SINCE, now_ns)
    until_ns = moment("until", asked.until, now_ns) if asked.until else now_ns
    if until_ns <= since_ns:
        raise BadRequest(f"`until` {asked.until[:64]!r} is not after `since`; give an earlier `since`", param="until")
    if until_ns - since_ns > LONGEST_S * 1_000_000_000:
        raise BadRequest("the time asked for is longer than 400 days", param="since")
    return since_ns, until_ns


def _before(asked: Asked, until_ns: int) -> str:
    """What ids have to lie below. Requests of the millisecond that begins now count where no end was asked for."""
    last = first_id(until_ns) if asked.until else BEHIND_ALL
    return min(last, asked.before[:LONGEST_TEXT]) if asked.before else last


def _tenant(asked: Asked, sight: Sight) -> str | None:
    """Another's tenant is asked for in vain: nothing of it is seen."""
    return asked.tenant[:LONGEST_TEXT] or sight.tenant


def _outcome(asked: Asked) -> str | None:
    if asked.outcome and asked.outcome not in OUTCOMES:
        raise BadRequest(f"outcome: write one of {', '.join(OUTCOMES)}", param="outcome")
    return asked.outcome or None


def _named(receipt: Receipt, model: str) -> bool:
    if not model:
        return True
    names = (receipt.asked, receipt.served)
    if model.endswith("*"):
        return any(one.startswith(model[:-1]) for one in names)
    return model in names
