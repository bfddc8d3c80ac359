"""Calls as a recipe's run sees them: so many at once, answers kept for the worst case, and one rule for failures."""

import asyncio
from collections.abc import Iterable

from antiphon.calls.retry import most_telling
from antiphon.core.error import AntiphonError, ContractViolated, EnvelopeExceeded
from antiphon.core.receipt import Noted
from antiphon.core.score import Source
from antiphon.core.ticket import Bound
from antiphon.recipes.port import Answer, Asked, Calls
from antiphon.recipes.shape import ANSWERING, StepShape, step_of

FELL_BACK = "fell_back"
"""What a recipe notes when it goes on without a step that it needs."""


class Watched(Calls):
    """Hands calls on."""

    def __init__(
        self,
        calls: Calls,
        steps: Iterable[StepShape],
        *,
        concurrency: int | None = None,
        strict: bool = False,
        buffered: bool = False,
    ) -> None:
        """
        Args:
            steps: What is known of each call by its step's name.
            concurrency: Calls at once; None: as many as are asked for.
            strict: A step that the recipe needs and hasn't got ends it: the next call raises, instead of being made.
            buffered: The final answer is waited for, since something is to be done with it.
        """
        self._calls = calls
        self.sandbox = calls.sandbox
        self._roles = {step.name: step.role for step in steps}
        self._turns = None if concurrency is None else asyncio.Semaphore(concurrency)
        self._rated: set[tuple[str, Source]] = set()
        self._strict = strict
        self._buffered = buffered
        self.answers: list[Answer] = []
        """What came that may go to the caller, in order."""
        self.errors: list[AntiphonError] = []
        """Of calls, in order."""
        self.fell_back = ""
        """Why the recipe went on without a step that it needs; empty: it did not."""

    def now_s(self) -> float:
        return self._calls.now_s()

    def bound(self, asked: Asked) -> Bound:
        return self._calls.bound(asked)

    async def ask(self, asked: Asked) -> Answer:
        return await self._make(asked, final=False)

    async def final(self, asked: Asked) -> Answer:
        return await self._make(asked, final=not self._buffered)

    async def _make(self, asked: Asked, *, final: bool) -> Answer:
        self.hold()
        try:
            if self._turns is None:
                answer = await (self._calls.final(asked) if final else self._calls.ask(asked))
            else:
                async with self._turns:
                    answer = await (self._calls.final(asked) if final else self._calls.ask(asked))
        except AntiphonError as error:
            self.errors.append(error)
            raise
        if self._roles.get(step_of(asked.step)) in ANSWERING:
            self.answers.append(answer)
        return answer

    def note(self, noted: Noted) -> None:
        if noted.what == FELL_BACK:
            self.fell_back = self.fell_back or f"{noted.step}: {noted.why}"
        self._calls.note(noted)

    def rate(self, answer: Answer, source: Source, score: float) -> None:
        """Each answer once by each source: a cascade's check of the contract is the one that a release makes again."""
        if (answer.step, source) not in self._rated:
            self._rated.add((answer.step, source))
            self._calls.rate(answer, source, score)

    def hold(self) -> None:
        """Raises: AntiphonError, when the recipe is strict and went on without a step that it needs."""
        if self._strict and self.fell_back:
            raise self.telling(self.fell_back)

    def telling(self, why: str) -> AntiphonError:
        """Of what went wrong, what the caller gets: an upstream's trouble before an envelope that was too small."""
        first = [error for error in self.errors if not isinstance(error, EnvelopeExceeded | ContractViolated)]
        if first or self.errors:
            return most_telling(first or self.errors).error
        return AntiphonError(f"the recipe could not do what it has to: {why}", code="recipe_failed", status=502)
