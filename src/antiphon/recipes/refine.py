"""Draft, criticise, revise, until nothing is objected to or the rounds are over. The best draft so far is kept."""

from antiphon.core.error import AntiphonError
from antiphon.recipes.contract import check
from antiphon.recipes.members import told
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_refine import DRAFT, RefineSettings, critic_step, revision_step
from antiphon.recipes.verdict import Verdict, asked_about, asked_again, at_sight, judged, of_contract
from antiphon.recipes.watch import FELL_BACK


async def run(settings: RefineSettings, question: Question, calls: Calls) -> Answer:
    """Run the rounds. Raises: AntiphonError, when there is no draft."""
    answer = await calls.ask(Asked(step=DRAFT, seat=settings.seat))
    drafts: list[tuple[Answer, Verdict]] = []
    for number in range(1, settings.rounds + 2):
        if answer.streams or answer.calls_tools:
            return answer
        verdict = await _verdict(settings, question, calls, answer, number)
        if verdict is None:  # nobody judges it: a revision answers objections to a draft, so it goes before it
            return answer if valid(answer) or not drafts else _best(drafts)
        drafts.append((answer, verdict))
        if verdict.accepted:
            told(calls, answer.step, "accepted", score=verdict.score)
            return answer
        told(calls, answer.step, "objected", f"{len(verdict.objections)} objections", verdict.score)
        if number > settings.rounds:
            break
        try:
            answer = await _revised(settings, question, calls, drafts[-1], number)
        except AntiphonError as error:
            told(calls, revision_step(number), FELL_BACK, error.said_code)
            break
    best = _best(drafts)
    told(calls, best.step, "kept", "the best of the drafts")
    return best


async def _verdict(
    settings: RefineSettings, question: Question, calls: Calls, answer: Answer, number: int
) -> Verdict | None:
    """What is objected to. None: nobody judges this answer."""
    seen = at_sight(answer)
    if seen is not None:
        return seen
    found: Verdict | None = None
    if settings.until != "critic" and question.contract is not None:
        found = of_contract(await check(question.contract, answer, question, sandbox=calls.sandbox))
        calls.rate(answer, "contract", found.quality)
        if not found.accepted or settings.until == "contract":
            return found
    if not settings.criticises or (number > settings.rounds and not settings.check_last):
        return found
    step = critic_step(number)
    asked = asked_about(question, answer, settings.critic_prompt, step=step, seat=settings.critic_seat)
    verdict, why = await judged(calls, asked)
    if verdict is None:
        told(calls, step, FELL_BACK, why)
    else:
        calls.rate(answer, "judge", verdict.quality)
    return verdict


async def _revised(
    settings: RefineSettings, question: Question, calls: Calls, last: tuple[Answer, Verdict], number: int
) -> Answer:
    """Raises: AntiphonError."""
    asked = asked_again(question, *last, settings.prompt, step=revision_step(number), seat=settings.seat)
    unchecked = number == settings.rounds and not settings.check_last and settings.until == "critic"
    return await (calls.final(asked) if unchecked else calls.ask(asked))


def _best(drafts: list[tuple[Answer, Verdict]]) -> Answer:
    """The draft that is whole, with the best score; where there are no scores, with the fewest objections; the last of
    equals.
    """

    def rank(draft: tuple[Answer, Verdict]) -> tuple[bool, float, int]:
        answer, verdict = draft
        return valid(answer), verdict.score or 0.0, -len(verdict.objections)

    return max(reversed(drafts), key=rank)[0]
