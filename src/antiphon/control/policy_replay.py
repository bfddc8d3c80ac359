"""What recorded requests would have come to under other policies."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

from msgspec import Struct

from antiphon.calls.prepared import Preparer
from antiphon.calls.story import Story
from antiphon.control.replan import replan
from antiphon.core.arrival import PROBE, SHADOW
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError, NotFound, PolicyDenied
from antiphon.core.receipt import Receipt
from antiphon.core.request import Dialect, Head
from antiphon.core.signal import Value
from antiphon.core.verdict import Verdict
from antiphon.gateway.decide import Decisions
from antiphon.gateway.house import Revision
from antiphon.policy.asked import Budget, Context
from antiphon.policy.policies import Policies
from antiphon.policy.verdict import refusal
from antiphon.pricing.cost import cost
from antiphon.routing.route import Route
from antiphon.wire.codecs import CODECS

What = Literal["same", "denied", "allowed", "moved", "widened", "narrowed", "obliged"]
"""`denied`: it was allowed. `allowed`: policy had refused it. `moved`: who answered may not. `widened`: some of its candidates
may answer now that could not; `narrowed`: the other way round. `obliged`: something else has to be done with it."""
NOT_KEPT = ("tools", "facts", "tainted", "budget")
"""What receipts keep only where policies read it then; elsewhere it counts as empty, and budgets as in order."""
_MODALITIES: Mapping[str, str] = {"images": "image", "audio": "audio", "files": "file"}
BUDGETS: tuple[Budget, ...] = get_args(Budget)
_DIALECTS: frozenset[str] = frozenset(get_args(Dialect))


class Replayed(Struct, frozen=True, kw_only=True):
    """One receipt, decided again."""

    id: str
    at_ns: int
    key: str
    asked: str
    what: What
    before: tuple[str, ...]
    """Reasons then."""
    after: tuple[str, ...]
    """Reasons now; of one that moved why its deployment is left out."""
    served: str
    """Who answered; empty: nobody."""
    now: tuple[str, ...] = ()
    """Who could answer now."""
    cost_nano_usd: int | None = None
    """What it cost; None: unknown."""
    now_nano_usd: int | None = None
    """What the same use costs at those who could answer now, the mean of them; 0 where it is denied; None: unknown."""


def context_of(receipt: Receipt, default: DataClass) -> Context:
    """The circumstances of a request, as far as its receipt keeps them.

    Args:
        default: Class of a receipt that tells none.
    """
    at = datetime.fromtimestamp(receipt.at_ns / 1e9, UTC)
    asked = [one for one in receipt.findings if one.side == "request" and not one.shadow]
    session, verdict = receipt.lineage.session, receipt.verdict
    data_class = None if verdict is None else verdict.data_class
    return Context(
        data_class=data_class or default,
        model=receipt.asked,
        route=receipt.asked,
        operation=_operation(receipt.dialect),
        modalities=frozenset(word for need, word in _MODALITIES.items() if need in receipt.needs) | {"text"},
        findings=frozenset(one.kind for one in asked),
        injection=int(100 * max((one.score for one in asked if one.kind == "injection"), default=0.0)),
        session=bool(session),
        hour=at.hour,
        weekday=at.isoweekday(),
        lot=session,
        purpose=str(receipt.circumstances.get("purpose", "")),
        recipe=str(receipt.circumstances.get("recipe", "")),
        tools=_words(receipt.circumstances.get("tools")),
        facts=_words(receipt.circumstances.get("facts")),
        tainted=receipt.circumstances.get("tainted") is True,
        budget=_budget(receipt.circumstances.get("budget")),
    )


def _words(value: Value) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, tuple | list) else frozenset()


def _budget(value: Value) -> Budget:
    found: list[Budget] = [one for one in BUDGETS if one == value]
    return found[0] if found else "ok"


def _operation(dialect: str) -> str:
    return next((codec.operation for name, codec in CODECS.items() if name == dialect), "chat")


def counts(receipt: Receipt) -> bool:
    """Whether policies decide on it: it is a model call of a caller's, and was not refused for anything else."""
    own = receipt.principal is not None and receipt.endpoint not in (SHADOW, PROBE) and receipt.dialect in _DIALECTS
    return own and receipt.verdict is not None


class Replay:
    """Decides receipts again."""

    def __init__(self, policies: Policies, revision: Revision, caller: Preparer, default: DataClass) -> None:
        """`default`: class of a receipt that tells none."""
        self._policies = policies
        self._revision = revision
        self._caller = caller
        self._default: DataClass = default

    def again(self, receipt: Receipt) -> Replayed:
        """One that counts."""
        principal, then = receipt.principal, receipt.verdict
        assert principal is not None
        assert then is not None
        now = self._policies.verdict(principal, context_of(receipt, self._default), self._revision.deployments)
        why = dict(zip(now.excluded, now.why, strict=True)).get(receipt.served, "")
        what, after = _what(receipt, then, now, why)
        if what in ("same", "obliged", "widened", "narrowed"):
            return _told(
                receipt, what, then.reasons, after, (receipt.served,) if receipt.served else (), _spent(receipt)
            )
        if what == "denied":
            return _told(receipt, what, then.reasons, after, (), 0)
        try:
            plan = replan(receipt, self._revision, _Given(self._revision, self._caller, now))
        except AntiphonError as error:
            failed: What = "denied" if then.allowed else "same"
            return _told(receipt, failed, then.reasons, (*after, error.said_code), (), 0)
        could = plan.steps[0].deployments
        return _told(receipt, what, then.reasons, after, could, self._cost(receipt, could))

    def _cost(self, receipt: Receipt, could: tuple[str, ...]) -> int | None:
        """What a receipt's use costs, the mean of some deployments; None: one has no price, or the use is unknown."""
        usage = receipt.used or receipt.usage
        prices = [one.price for name in could if (one := self._revision.deployments.get(name)) is not None]
        if usage is None or not prices or None in prices:
            return None
        return sum(cost(price, usage) for price in prices if price is not None) // len(prices)


def _what(receipt: Receipt, then: Verdict, now: Verdict, why: str) -> tuple[What, tuple[str, ...]]:
    if not then.allowed:
        return ("allowed" if now.allowed else "same"), now.reasons
    if receipt.error == PolicyDenied.code:  # it was allowed, but to nobody who could take it
        return ("allowed" if now.allowed and set(now.excluded) < set(then.excluded) else "same"), now.reasons
    if not now.allowed:
        return "denied", now.reasons
    if why:
        return "moved", tuple(why.split(","))
    names = set[str]() if receipt.plan is None else {one.deployment for one in receipt.plan.candidates}
    before, after = names & set(then.excluded), names & set(now.excluded)
    if before - after:
        return "widened", tuple(sorted(before - after))
    if after - before:
        return "narrowed", tuple(sorted(after - before))
    return ("same" if then.obligations == now.obligations else "obliged"), now.reasons


def _spent(receipt: Receipt) -> int | None:
    return receipt.cost_nano_usd if receipt.spent_nano_usd is None else receipt.spent_nano_usd


def _told(
    receipt: Receipt,
    what: What,
    before: tuple[str, ...],
    after: tuple[str, ...],
    could: tuple[str, ...],
    now_nano_usd: int | None,
) -> Replayed:
    return Replayed(
        id=receipt.id,
        at_ns=receipt.at_ns,
        key="" if receipt.principal is None else receipt.principal.key,
        asked=receipt.asked,
        what=what,
        before=before,
        after=after,
        served=receipt.served,
        now=could,
        cost_nano_usd=_spent(receipt),
        now_nano_usd=now_nano_usd,
    )


class _Given(Decisions):
    """Plans under a verdict that was made already."""

    def __init__(self, revision: Revision, caller: Preparer, verdict: Verdict) -> None:
        super().__init__(revision, caller)
        self._verdict = verdict

    def route(self, story: Story, head: Head) -> Route:
        story.verdict = self._verdict
        if not self._verdict.allowed:
            raise refusal(self._verdict, story.principal, head.model)
        route = self._revision.routes.get(head.model)
        if route is None:
            raise NotFound(f"there is no model {head.model!r} any more", code="model_not_found", param="model")
        return route
