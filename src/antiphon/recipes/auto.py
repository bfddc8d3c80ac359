"""As many answers as are worth their cost. With a model of expected gain each further call is decided on what has come so
far; without one, the agreement of two cheap members decides whether the dearest is asked.
"""

from collections.abc import Mapping, Sequence

from antiphon.core.error import AntiphonError
from antiphon.core.money import NANO_PER_USD
from antiphon.recipes import members
from antiphon.recipes.contract import check
from antiphon.recipes.extract import key_of
from antiphon.recipes.members import told
from antiphon.recipes.pick import best_so_far, valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.recipes.team import gather
from antiphon.recipes.watch import FELL_BACK
from antiphon.routing.gain import Gain
from antiphon.routing.gain_ahead import Next
from antiphon.routing.gain_course import Course

STEP = "auto"


async def run(settings: AutoSettings, question: Question, calls: Calls) -> Answer:
    """Ask, and ask again while it is worth it. Raises: AntiphonError, when nobody answered."""
    run = _Run(settings, question, calls)
    known = set(question.gain.seats() if question.gain is not None else ())
    if question.gain is not None and not known.isdisjoint(run.steps):
        return await _by_gain(run, question.gain)
    if settings.file:
        told(calls, STEP, "skipped", "the file knows none of the members: by the rule")
    return await _by_rule(run)


class _Run:
    """What both ways share: members by step, and the answers so far."""

    def __init__(self, settings: AutoSettings, question: Question, calls: Calls) -> None:
        self.settings = settings
        self.question = question
        self.calls = calls
        self.steps: Mapping[str, str] = {step.seat: step.name for step in settings.steps(question.seats)}
        """Names of the steps by seat."""
        self.request = members.request_text(question.content)
        self.answers: dict[str, Answer] = {}
        """By seat."""
        self.errors: list[AntiphonError] = []

    async def ask(self, seats: Sequence[str]) -> list[Answer]:
        """Ask seats side by side. Returns: the answers that came."""
        asked = [self.asked(seat) for seat in seats]
        came = await gather(self.calls, asked, timeout_s=self.settings.timeout_s)
        self.errors += [one.error for one in came.failed]
        self.answers |= {answer.seat: answer for answer in came.answers}
        return list(came.answers)

    def asked(self, seat: str) -> Asked:
        return Asked(step=self.steps[seat], seat=seat, timeout_s=self.settings.timeout_s)

    async def final(self, seat: str) -> Answer:
        """Ask a seat whose answer goes out as it comes. Raises: AntiphonError, when no seat has answered."""
        try:
            return await self.calls.final(self.asked(seat))
        except AntiphonError as error:
            told(self.calls, self.steps[seat], "failed", error.said_code)
            self.errors.append(error)
            return self.best(error.said_code)

    def best(self, why: str) -> Answer:
        """The best that came. Raises: AntiphonError, when nothing did."""
        found = best_so_far(list(self.answers.values()))
        if found is None:
            raise self.errors[-1]
        told(self.calls, STEP, FELL_BACK, why)
        return found

    async def key(self, answer: Answer) -> str | None:
        """What an answer comes to; None: nothing that can be compared, or not what the contract asks for."""
        contract = self.question.contract
        if not valid(answer):
            return None
        if contract is not None:
            checked = await check(contract, answer, self.question, sandbox=self.calls.sandbox)
            if not checked.ok:
                return None
        return key_of(answer.text, contract, request=self.request)


async def _by_gain(run: _Run, model: Gain) -> Answer:
    settings = run.settings
    worth = model.worth_nano_usd if settings.worth_usd is None else settings.worth_usd * NANO_PER_USD
    course = Course(
        model,
        run.request,
        [seat for seat in run.steps if seat in model.seats()],
        _live(run) if settings.costs == "live" else {},
        call_nano_usd=round(settings.call_usd * NANO_PER_USD),
    )
    while ranked := course.next(worth, settings.most_calls):
        first = ranked[0]
        if run.question.stream and first.last and not run.answers:
            told(run.calls, run.steps[first.seat], "asked", "no further call would be worth its cost", first.gain)
            course.asked(first.seat)
            try:
                return await run.calls.final(run.asked(first.seat))
            except AntiphonError as error:
                told(run.calls, run.steps[first.seat], "failed", error.said_code)
                run.errors.append(error)
                continue
        chosen = ranked[: settings.at_once]
        _tell(run, chosen)
        for one in chosen:
            course.asked(one.seat)
        for answer in await run.ask([one.seat for one in chosen]):
            if answer.calls_tools:
                told(run.calls, run.steps[answer.seat], "accepted", "it calls tools")
                return answer
            course.heard(answer.seat, await run.key(answer), answer.usage and answer.usage.output_tokens)
    return _chosen(run, course)


def _chosen(run: _Run, course: Course) -> Answer:
    found = course.chosen()
    if found is None:
        raise run.errors[-1]
    answer = run.answers[found.seat]
    if not valid(answer) and any(valid(other) for other in run.answers.values()):
        return run.best("the likeliest answer says nothing, or was cut off")
    why = f"{found.agreed} of {len(run.answers)} answers come to it"
    told(run.calls, run.steps[found.seat], "accepted", why, round(found.chance, 4))
    return answer


def _tell(run: _Run, chosen: Sequence[Next]) -> None:
    for one in chosen:
        why = f"{100 * one.gain:.2f} points for {one.cost_nano_usd / NANO_PER_USD:.6f} USD"
        told(run.calls, run.steps[one.seat], "asked", why, round(one.gain, 6))


def _live(run: _Run) -> dict[str, int | None]:
    """What a call of each seat likely costs."""
    likely = {seat: run.calls.bound(run.asked(seat)).likely_nano_usd for seat in run.steps}
    return {seat: cost for seat, cost in likely.items() if cost}


async def _by_rule(run: _Run) -> Answer:
    ordered = _by_cost(run)
    if len(ordered) < 3 or run.settings.most_calls < 3:
        return await run.final(ordered[-1])
    answers = await run.ask(ordered[:2])
    tools = members.tool_answer(answers)
    if tools is not None:
        told(run.calls, run.steps[tools.seat], "accepted", "it calls tools")
        return tools
    keys = [await run.key(answer) for answer in answers]
    if len(keys) == 2 and keys[0] is not None and keys[0] == keys[1]:
        told(run.calls, STEP, "accepted", "two cheap members agree", 1.0)
        return answers[-1]
    told(run.calls, STEP, "escalated", "two cheap members don't agree", 0.0)
    answer = await run.final(ordered[-1])
    return answer if valid(answer) else run.best("the dearest member says nothing, or was cut off")


def _by_cost(run: _Run) -> list[str]:
    """From the cheapest to the dearest; where a cost is unknown, as they stand."""
    costs = {one.seat: one.cost_nano_usd for one in run.question.seats}
    known = [(cost, seat) for seat in run.steps if (cost := costs.get(seat)) is not None]
    return (
        [seat for _, seat in sorted(known, key=lambda one: one[0])] if len(known) == len(run.steps) else list(run.steps)
    )
