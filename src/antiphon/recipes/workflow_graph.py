"""A workflow's steps while they run: side by side where they can, each as soon as what it waits for is there."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, UpstreamMalformed
from antiphon.core.receipt import Noted
from antiphon.recipes.graph import ancestors, waits
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_workflow import WorkflowSettings, WorkStep, instead
from antiphon.recipes.shape import again
from antiphon.recipes.verdict import read
from antiphon.recipes.workflow_told import Found, Told


class Running:
    """One run of a graph."""

    def __init__(
        self,
        settings: WorkflowSettings,
        steps: Sequence[WorkStep],
        asks_as: Mapping[str, str],
        question: Question,
        calls: Calls,
    ) -> None:
        """`asks_as`: the step of the recipe's shape that a planned step is asked as, by its name."""
        self._settings = settings
        self._steps = {step.name: step for step in steps}
        self._asks_as = asks_as
        self._several = {shape.name for shape in settings.steps() if shape.most_calls > 1}
        self._after = waits([step.node for step in steps])
        self._calls = calls
        self._asked: Counter[str] = Counter()
        self.found: dict[str, Found] = {}
        self.error: AntiphonError | None = None
        """The last that a step met."""
        self._told = Told(question, self.found)

    @property
    def order(self) -> list[str]:
        """Steps, those that rest on others behind them."""
        return sorted(self._steps, key=lambda name: len(ancestors(name, self._after)))

    async def run(self) -> Answer | None:
        """Run all. Returns an answer that asks for tools, which ends it; else None. Raises: AntiphonError, of a step that
        must not fail.
        """
        loop, left = asyncio.get_running_loop(), list(self._steps)
        running: dict[asyncio.Task[Found], str] = {}
        try:
            while left or running:
                for name in [one for one in left if self._after[one] <= self.found.keys()]:
                    if len(running) >= self._settings.most_parallel:
                        break
                    left.remove(name)
                    running[loop.create_task(self._step(self._steps[name]))] = name
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in [one for one in running if one in ended]:
                    found = self.found[running.pop(task)] = task.result()
                    if found.answer is not None and found.answer.calls_tools:
                        self._calls.note(Noted(step=found.answer.step, what="stopped_early", why="it asks for tools"))
                        return found.answer
        finally:
            await _cancel(running)
        return None

    async def _step(self, step: WorkStep) -> Found:
        if step.verifies:
            return Found(text=await self._verified(step))
        content, shorter = self._told.work(step), self._told.work(step, shortened=True)
        answer = await self._ask(step, content, shorter)
        return Found() if answer is None else Found(answer=answer, text=answer.text)

    async def _verified(self, step: WorkStep) -> str:
        """Judge a step's answer, and send it back while that is allowed. Returns what was objected to last."""
        judged, told = self._steps[step.verifies], self._told
        answer = self.found[judged.name].answer
        if answer is None:
            self._calls.note(Noted(step=step.name, what="skipped", why=f"{judged.name} gave nothing to judge"))
            return ""
        for sent_back in range(step.repairs + 1):
            verdict = await self._ask(step, told.verify(step), told.verify(step, shortened=True))
            found = None if verdict is None else read(verdict.text)
            if found is None:
                why = "there is no judgement" if verdict is None else "its judgement can't be read"
                self._calls.note(Noted(step=judged.name, what="unverified", why=why))
                return ""
            self._calls.rate(answer, "judge", found.quality)
            if found.accepted:
                self._calls.note(Noted(step=judged.name, what="accepted", why=f"by {step.name}"))
                return "accepted"
            if sent_back == step.repairs:
                self._calls.note(
                    Noted(step=judged.name, what="objected", why=f"by {step.name}, {sent_back} repairs made")
                )
                return found.told()
            self._calls.note(Noted(step=judged.name, what="sent_back", why=f"by {step.name}"))
            content, shorter = told.repair(judged, found.told()), told.repair(judged, found.told(), shortened=True)
            mended = await self._ask(judged, content, shorter, needed=False)
            if mended is None:
                return found.told()
            answer = mended
            self.found[judged.name] = Found(answer=mended, text=mended.text)
        return ""

    async def _ask(self, step: WorkStep, content: Content, shorter: Content, *, needed: bool = True) -> Answer | None:
        """Ask a step's seat, then its fallback. None: neither answered. Raises: AntiphonError, where that must not be."""
        seats = [(self._asks_as.get(step.name, step.name), step.seat)]
        if step.fallback:
            seats.append((instead(step.name), step.fallback))
        for name, seat in seats:
            self._asked[name] += 1
            asked = Asked(
                step=again(name, self._asked[name]) if name in self._several else name,
                seat=seat,
                content=content,
                stands_in=None if shorter == content else shorter,
                timeout_s=step.timeout_s,
            )
            try:
                answer = await self._calls.ask(asked)
            except AntiphonError as error:
                self.error = error
            else:
                if answer.calls_tools or answer.text.strip():
                    return answer
                self.error = UpstreamMalformed(f"the step {step.name} answered nothing")
            self._calls.note(Noted(step=asked.step, what="failed", why=self.error.said_code))
        if needed and step.on_failure == "fail" and self.error is not None:
            raise self.error
        self._calls.note(Noted(step=step.name, what="skipped", why="nobody at its seat answered"))
        return None


async def _cancel(running: Mapping[asyncio.Task[Found], str]) -> None:
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
