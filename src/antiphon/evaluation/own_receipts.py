"""Scored receipts of a gateway's own database, with the prompts that were captured beside them.

Of several scores of one answer those of whoever read it, feedback and evaluations, come before those that its recipe gave
itself, from contracts and judges: a contract tells form, and a judge is a guess. Of equals the mean counts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import get_args

import msgspec

from antiphon.core.body import Body
from antiphon.core.error import Erased, StoreError
from antiphon.core.plan import Pattern, Plan
from antiphon.core.ports import Sealer
from antiphon.core.receipt import Attempt, Receipt
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.core.score import Score
from antiphon.evaluation.scored import ScoredReceipt, ScoredReceipts
from antiphon.metering.captured import opened
from antiphon.metering.scores import TASK
from antiphon.signals.about import About
from antiphon.signals.extractor import Extractor
from antiphon.store.database import Reader

OF_ONE: frozenset[Pattern] = frozenset({"single", "cascade", "vote", "ratings", "best_of", "auto"})
"""Patterns in which each answer is one model's own, to the caller's request as it came. In others models go on with each
other's words, so that a score says nothing of one of them alone."""
SAID_BY_READERS = ("feedback", "evaluation")
TEAM = "several models made the answer together"
BARE = "no content was captured"
CUT = "the captured request is cut"
SEALED = "the content was sealed with another key, or erased"
UNREAD = "the request has no text that a selector sees"
_DIALECTS = get_args(Dialect)
_receipt = msgspec.json.Decoder(Receipt)


class OwnReceipts(ScoredReceipts):
    """Reads one page of receipts and one prompt at a time, and counts what it leaves out."""

    def __init__(self, reader: Reader, sealer: Sealer | None) -> None:
        """`sealer`: None: there is no key, so no content can be opened."""
        self._reader = reader
        self._sealer = sealer
        self._extractor = Extractor()
        self.receipts = 0
        """That have a score."""
        self.prompts = 0
        """Of those that have a prompt too."""
        self.left: Counter[str] = Counter()
        """How many were left out, by why."""

    def scored(self, tenant: str, since_ns: int, until_ns: int) -> Iterator[ScoredReceipt]:
        """One for each deployment that a receipt has scores of: a recipe's judges may have looked at several."""
        for body in self._reader.scored(tenant, since_ns, until_ns):
            receipt = _receipt.decode(body)
            self.receipts += 1
            try:
                prompt = self._prompt(receipt, tenant)
            except _Left as left:
                self.left[left.why] += 1
                continue
            self.prompts += 1
            scores = self._reader.scores(receipt.id)
            for deployment in dict.fromkeys(one.deployment for one in scores):
                yield _one(receipt, deployment, prompt, [one for one in scores if one.deployment == deployment])

    def _prompt(self, receipt: Receipt, tenant: str) -> str:
        """The text that a selector saw of a request. Raises: _Left, StoreError."""
        if receipt.plan is None or receipt.plan.recipe not in OF_ONE:
            raise _Left(TEAM)
        sealed = self._reader.content(receipt.id) if receipt.captured else None
        if sealed is None:
            raise _Left(BARE)
        asked = self._request(sealed, tenant, receipt.id)
        if len(asked) < receipt.size_bytes:
            raise _Left(CUT)
        dialect = next((one for one in _DIALECTS if one == receipt.dialect), None)
        if dialect is None or receipt.principal is None:
            raise _Left(UNREAD)
        head = Head(dialect=dialect, endpoint=receipt.endpoint, model=receipt.asked)
        request = Request(head=head, body=Body((asked,)), spots=Spots(model=(0, 0)), digest=receipt.digest)
        text = self._extractor.to_embed(self._extractor.facts(About(request=request, principal=receipt.principal)))
        if not text:
            raise _Left(UNREAD)
        return text

    def _request(self, sealed: bytes, tenant: str, receipt_id: str) -> bytes:
        """What was captured of a request. Raises: _Left."""
        if self._sealer is None:
            raise _Left(SEALED)
        try:
            return opened(sealed, self._sealer, tenant, receipt_id).request
        except (Erased, StoreError) as error:
            raise _Left(SEALED) from error


class _Left(Exception):
    """A receipt that nothing is learned from."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _one(receipt: Receipt, deployment: str, prompt: str, scores: Sequence[Score]) -> ScoredReceipt:
    read = [one for one in scores if one.source in SAID_BY_READERS]
    counted = read or scores
    tried = _attempt(receipt, deployment, frozenset() if read else frozenset(one.by for one in counted))
    usage = None if tried is None else tried.usage
    task = next((one.value for one in receipt.facts if one.name == TASK), None)
    return ScoredReceipt(
        receipt=receipt.id,
        deployment=deployment,
        prompt=prompt,
        score=fmean(one.score for one in counted),
        cost_nano_usd=None if tried is None else tried.cost_nano_usd,
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        task=task if isinstance(task, str) else "",
        propensity=_propensity(receipt, deployment),
    )


def _attempt(receipt: Receipt, deployment: str, steps: frozenset[str]) -> Attempt | None:
    """The attempt whose answer was scored: the last of the deployment that did not fail, first among those of the steps.
    None: the answer came out of the cache, or was shared with another request.
    """
    done = [one for one in receipt.attempts if one.deployment == deployment and not one.error]
    return next(iter([one for one in reversed(done) if one.step in steps] + done[::-1]), None)


def _propensity(receipt: Receipt, deployment: str) -> float | None:
    """The chance that the plan put this deployment first; None where another one stood in, or no chance was kept."""
    plan, grounds = receipt.plan, receipt.grounds
    if grounds is None or plan is None or plan.recipe != "single" or not receipt.attempts:
        return None
    return grounds.propensity if deployment == receipt.served == _first(plan) else None


def _first(plan: Plan) -> str:
    return next((one.deployment for one in plan.candidates if not one.lost), "")
