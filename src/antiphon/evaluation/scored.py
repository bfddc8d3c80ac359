"""Outcomes from what a gateway did itself: scored receipts, joined with their captured prompts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from msgspec import Struct

from antiphon.evaluation.outcomes import Outcome


class ScoredReceipt(Struct, frozen=True, kw_only=True):
    """One receipt that was scored, with the text that its prompt had."""

    receipt: str
    deployment: str
    prompt: str
    score: float
    """Mean of its scores, 0 to 1."""
    cost_nano_usd: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    task: str = ""
    propensity: float | None = None
    """The chance that this deployment was chosen, where the receipt keeps it."""


class ScoredReceipts(ABC):
    """Where scored receipts are found."""

    @abstractmethod
    def scored(self, tenant: str, since_ns: int, until_ns: int) -> Iterator[ScoredReceipt]:
        """Receipts of one tenant that have a score and a captured prompt, oldest first. Raises: StoreError."""


def outcomes(found: Iterator[ScoredReceipt]) -> Iterator[Outcome]:
    """Outcomes of receipts. Each is a prompt of its own: one model was asked."""
    for one in found:
        if one.prompt:
            yield Outcome(
                prompt_id=one.receipt,
                prompt=one.prompt,
                model=one.deployment,
                score=min(1.0, max(0.0, one.score)),
                cost_nano_usd=one.cost_nano_usd,
                input_tokens=one.input_tokens,
                output_tokens=one.output_tokens,
                task=one.task,
                propensity=one.propensity,
            )
