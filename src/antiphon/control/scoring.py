"""How good answers were: what callers say of them, and what all scores come to."""

from msgspec import Struct

from antiphon.control.instants import said
from antiphon.core.error import BadRequest, Erased, NotAllowed, NotFound, StoreError
from antiphon.core.ports import Scores, Sealer, Store
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.score import Forgetting, Score, Source, qualities
from antiphon.core.view import Quality

TASK = "task.name"
"""The fact that says of which class of tasks a request is."""


class Offered(Struct, frozen=True, kw_only=True):
    """What a caller says of an answer."""

    receipt: str
    score: float
    """0 to 1."""
    source: Source = "feedback"
    note: str = ""


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A score as it is shown."""

    receipt: str
    deployment: str
    route: str
    task: str = ""
    source: Source
    score: float
    by: str
    at: str
    note: str = ""


class Listed(Struct, frozen=True, kw_only=True):
    """Qualities of a tenant, or of all."""

    data: list[Quality]
    tenant: str = ""
    """Empty: scores of all tenants."""
    half_life_days: float = 0.0
    """Days after which a score counts for half."""


class Scoring:
    """Takes scores in, and shows them."""

    def __init__(self, store: Store, scores: Scores, sealer: Sealer, forgetting: Forgetting) -> None:
        self._store = store
        self._scores = scores
        self._sealer = sealer
        self._forgetting = forgetting

    def scored(self, offered: Offered, principal: Principal, now_ns: int) -> Score:
        """What a caller says, of whoever answered the receipt's request. Nothing is kept yet. Blocks on files.

        Raises: NotFound, BadRequest, StoreError.
        """
        receipt, tenant = self._receipt(offered.receipt, principal)
        if not receipt.served or receipt.plan is None:
            raise BadRequest(
                f"no answer of the request with receipt {receipt.id} went out, or not to its end yet: there is nothing to score",
                param="receipt",
            )
        note = offered.note.encode()
        return Score(
            receipt=receipt.id,
            tenant=tenant,
            deployment=receipt.served,
            route=receipt.plan.route,
            task=_task(receipt),
            source=offered.source,
            score=offered.score,
            at_ns=now_ns,
            by=principal.key if principal.tenant == tenant else f"{principal.tenant}/{principal.key}",
            sealed=self._sealer.seal(note, _context(tenant, receipt.id), tenant=tenant, subject=_subject(receipt))
            if note
            else b"",
        )

    def keep(self, score: Score) -> None:
        """Keep a score: of several of one caller, receipt and source the last counts. Raises: StoreError."""
        self._scores.put([score])

    def of(self, receipt_id: str, principal: Principal) -> list[Told]:
        """Scores of an answer, for the receipt's tenant or an admin key. Blocks on files.

        Raises: NotFound, StoreError.
        """
        receipt, _ = self._receipt(receipt_id, principal)
        return [self.told(score) for score in self._scores.of(receipt.id)]

    def qualities(self, principal: Principal, tenant: str, now_ns: int) -> Listed:
        """How good deployments are, by a tenant's own scores, or for an admin key by everybody's. Blocks on files.

        Raises: NotAllowed, StoreError.
        """
        if not principal.admin:
            if tenant not in ("", principal.tenant):
                raise NotAllowed("the quality by other tenants needs an admin key; leave `tenant` out for your own")
            tenant = principal.tenant
        return Listed(
            data=qualities(self._scores.tallies(tenant), now_ns, self._forgetting),
            tenant=tenant,
            half_life_days=self._forgetting.half_life_days,
        )

    def told(self, score: Score) -> Told:
        """A score, its note opened. A note that can't be opened is left out."""
        note = ""
        if score.sealed:
            try:
                note = self._sealer.unseal(score.sealed, _context(score.tenant, score.receipt)).decode()
            except (Erased, StoreError):
                note = ""
        return Told(
            receipt=score.receipt,
            deployment=score.deployment,
            route=score.route,
            task=score.task,
            source=score.source,
            score=score.score,
            by=score.by,
            at=said(score.at_ns),
            note=note,
        )

    def _receipt(self, receipt_id: str, principal: Principal) -> tuple[Receipt, str]:
        """A receipt that a caller may score, and its tenant. Raises: NotFound, also for receipts of others."""
        receipt = self._store.receipt(receipt_id)
        owner = None if receipt is None else receipt.principal
        if receipt is None or owner is None or not (principal.admin or owner.tenant == principal.tenant):
            raise NotFound(
                f"there is no receipt {receipt_id[:64]!r} of yours", code="receipt_not_found", param="receipt"
            )
        return receipt, owner.tenant


def _context(tenant: str, receipt_id: str) -> str:
    """What a note is sealed for."""
    return f"score/{tenant}/{receipt_id}"


def _task(receipt: Receipt) -> str:
    """Class of the request's task; empty: its route didn't ask for it."""
    found = next((one.value for one in receipt.facts if one.name == TASK), None)
    return found if isinstance(found, str) else ""


def _subject(receipt: Receipt) -> str:
    """Whose data a note on an answer is."""
    return "" if receipt.principal is None else receipt.principal.subject(receipt.user, receipt.lineage.session)
