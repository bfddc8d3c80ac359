"""From the cheap to the dear: a stage's answer is kept back until it is sure enough; the last one's goes out as it comes."""

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.error import AntiphonError
from antiphon.recipes import members
from antiphon.recipes.confidence import by_agreement, by_both, by_logprob, by_margin, chance
from antiphon.recipes.contract import check
from antiphon.recipes.extract import key_of
from antiphon.recipes.judging import asked_about
from antiphon.recipes.members import SAMPLE_TEMPERATURE, sample_seed, speaking, told
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_cascade import SELF_CHECK, VERIFY
from antiphon.recipes.reading import number_of, object_in
from antiphon.recipes.say import label, sampled
from antiphon.recipes.settings_cascade import CHECKS, CascadeSettings, Method, StageSettings
from antiphon.recipes.shape import again
from antiphon.recipes.team import gather
from antiphon.recipes.watch import FELL_BACK

_BY_TOKENS: frozenset[Method] = frozenset({"logprob", "margin", "hybrid"})


class Judged(Struct, frozen=True, kw_only=True):
    """An answer, and how sure it is."""

    answer: Answer
    confidence: float | None = None
    """None: nothing could tell."""
    method: Method | None = None
    broken: str = ""
    """What of the contract it breaks."""

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The best one has the highest."""
        return valid(self.answer), not self.broken, -1.0 if self.confidence is None else self.confidence


async def run(settings: CascadeSettings, question: Question, calls: Calls) -> Answer:
    """Ask stage after stage. Raises: AntiphonError, when nobody answered."""
    stages = list(settings.ordered(question.seats))
    if question.impact and question.impact in settings.last_at and len(stages) > 1:
        told(calls, f"stage-{stages[0][0]}", "skipped", f"impact is {question.impact}: the last stage is asked at once")
        stages = stages[-1:]
    run = _Run(settings, question, calls)
    for place, stage in stages[:-1]:
        accepted = await run.stage(place, stage)
        if accepted is not None:
            return _plain(accepted, question)
    place, stage = stages[-1]
    return _plain(await run.last(place, stage), question)


class _Run:
    """A cascade on its way."""

    def __init__(self, settings: CascadeSettings, question: Question, calls: Calls) -> None:
        self._settings = settings
        self._question = question
        self._calls = calls
        self._kept: list[Judged] = []
        """Answers that weren't accepted, in order."""

    async def stage(self, place: int, stage: StageSettings) -> Answer | None:
        """Ask a stage that isn't the last. None: go on."""
        step, methods = f"stage-{place}", self._settings.methods(stage)
        asked = Asked(
            step=step,
            seat=stage.seat,
            logprobs=not _BY_TOKENS.isdisjoint(methods),
            timeout_s=self._settings.timeout_s,
        )
        try:
            answer = await self._calls.ask(asked)
        except AntiphonError as error:
            told(self._calls, step, "failed", error.said_code)
            return None
        judged = await self._judge(place, stage, answer)
        if judged.method is not None and not judged.broken and judged.confidence is not None:
            threshold = self._settings.threshold(stage, judged.method)
            if judged.confidence >= threshold - 1e-9:
                told(self._calls, step, "accepted", f"{judged.method}, at least {threshold:g}", judged.confidence)
                return judged.answer
            told(self._calls, step, "escalated", f"{judged.method}, less than {threshold:g}", judged.confidence)
        else:
            told(self._calls, step, "escalated", self._why(judged))
        self._kept.append(judged)
        return None

    @staticmethod
    def _why(judged: Judged) -> str:
        if not valid(judged.answer):
            return "it says nothing, or was cut off"
        return judged.broken or "nothing can tell how sure it is"

    async def _judge(self, place: int, stage: StageSettings, answer: Answer) -> Judged:
        """How sure an answer is, by the first method that can tell."""
        if not valid(answer):
            return Judged(answer=answer)
        contract = self._question.contract
        methods: list[Method] = list(self._settings.methods(stage))
        if answer.calls_tools:
            methods = [method for method in methods if method in _BY_TOKENS]
        elif contract is not None:
            checked = await check(contract, answer, self._question, sandbox=self._calls.sandbox)
            self._calls.rate(answer, "contract", float(checked.ok))
            if not checked.ok:
                return Judged(answer=answer, confidence=0.0, broken=checked.why)
        for method in methods:
            score, answer = await self._score(method, place, stage, answer)
            if score is not None:
                return Judged(answer=answer, confidence=self._chance(stage, method, score), method=method)
        if answer.calls_tools:
            return Judged(answer=answer, confidence=1.0, method="contract")
        return Judged(answer=answer)

    def _chance(self, stage: StageSettings, method: Method, score: float) -> float:
        table = self._settings.table(stage.seat, method)
        return chance(score, table) if table else score

    async def _score(
        self, method: Method, place: int, stage: StageSettings, answer: Answer
    ) -> tuple[float | None, Answer]:
        """What a method says, and of which answer; None: it can't tell."""
        match method:
            case "logprob":
                return by_logprob(answer), answer
            case "margin":
                return by_margin(answer), answer
            case "hybrid":
                return by_both(answer, self._settings.logprob_weight), answer
            case "contract":
                return (None if self._question.contract is None else 1.0), answer
            case "agreement":
                return await self._agreement(place, stage, answer)
            case "self_check" | "verifier":
                return await self._rated(method, place, stage, answer), answer

    async def _agreement(self, place: int, stage: StageSettings, answer: Answer) -> tuple[float | None, Answer]:
        settings, question = self._settings, self._question
        content = question.content
        warm = SAMPLE_TEMPERATURE if content.sampling.temperature == 0 else None
        asks = [
            Asked(
                step=again(f"sample-{place}", number) if settings.samples > 2 else f"sample-{place}",
                seat=settings.agree_with or stage.seat,
                content=sampled(content, temperature=None if settings.agree_with else warm),
                seed=sample_seed(question.seed, place * settings.samples + number),
            )
            for number in range(1, settings.samples)
        ]
        came = await gather(self._calls, asks, timeout_s=settings.timeout_s)
        others = speaking(came.answers)
        if not others:
            return None, answer
        read = partial(key_of, contract=question.contract, request=members.request_text(content))
        return by_agreement([answer, *others], read)

    async def _rated(self, method: Method, place: int, stage: StageSettings, answer: Answer) -> float | None:
        own = method == "self_check"
        step = f"{CHECKS[method]}-{place}"
        asked = asked_about(
            self._settings.judging,
            self._question,
            SELF_CHECK if own else VERIFY,
            [(label(0), answer.text)],
            step=step,
            seat=stage.seat if own else self._settings.verifier,
            timeout_s=self._settings.timeout_s,
        )
        try:
            said = await self._calls.ask(asked)
        except AntiphonError as error:
            told(self._calls, step, "failed", error.said_code)
            return None
        found = number_of(object_in(said.text), "chance", 0.0, 1.0)
        if found is None:
            told(self._calls, step, "skipped", "its judgement can't be read")
        elif not own:
            self._calls.rate(answer, "judge", found)
        return found

    async def last(self, place: int, stage: StageSettings) -> Answer:
        """Ask the last stage, whose answer nothing is held against. Raises: AntiphonError, when nobody answered."""
        step = f"stage-{place}"
        try:
            answer = await self._calls.final(Asked(step=step, seat=stage.seat))
        except AntiphonError as error:
            if not self._kept:
                raise
            return self._best(step, error.said_code)
        if valid(answer) or not any(valid(one.answer) for one in self._kept):
            return answer
        return self._best(step, "it says nothing, or was cut off")

    def _best(self, step: str, why: str) -> Answer:
        """Of the answers that weren't accepted, the surest; of equals the later one."""
        told(self._calls, step, FELL_BACK, why)
        return max(reversed(self._kept), key=lambda one: one.rank).answer


def _plain(answer: Answer, question: Question) -> Answer:
    """Without log-probabilities that the caller didn't ask for."""
    choices = answer.response.choices
    if question.content.sampling.logprobs or all(choice.logprobs is None for choice in choices):
        return answer
    bare = tuple(replace(choice, logprobs=None) for choice in choices)
    return replace(answer, response=replace(answer.response, choices=bare))
