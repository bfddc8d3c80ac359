"""A cheap draft, and a strong verifier that accepts it or writes the answer itself."""

from antiphon.core.error import AntiphonError
from antiphon.recipes.contract import check
from antiphon.recipes.members import told
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_draft_verify import DRAFT, FINAL_STEP, VERIFIER, DraftVerifySettings
from antiphon.recipes.verdict import Verdict, asked_about, asked_again, at_sight, judged, of_contract
from antiphon.recipes.watch import FELL_BACK


async def run(settings: DraftVerifySettings, question: Question, calls: Calls) -> Answer:
    """Draft, judge, and write where that is needed. A verifier that fails releases the draft.

    Raises: AntiphonError, when neither gave an answer.
    """
    drafter, verifier = settings.both(question.seats)
    try:
        draft = await calls.ask(Asked(step=DRAFT, seat=drafter))
    except AntiphonError as error:
        told(calls, DRAFT, "failed", error.said_code)
        return await calls.final(Asked(step=FINAL_STEP, seat=verifier))
    if draft.calls_tools:
        return draft
    verdict = await _verdict(settings, question, calls, draft, verifier)
    if verdict is None:
        return draft
    if verdict.accepted:
        told(calls, DRAFT, "accepted", score=verdict.score)
        return draft
    told(calls, DRAFT, "escalated", f"{len(verdict.objections)} objections", verdict.score)
    return await _written(settings, question, calls, draft, verdict, verifier)


async def _verdict(
    settings: DraftVerifySettings, question: Question, calls: Calls, draft: Answer, verifier: str
) -> Verdict | None:
    """What is said of the draft. None: nobody could judge it."""
    seen = at_sight(draft)
    if seen is not None:
        return seen
    if settings.contract_first and question.contract is not None:
        found = of_contract(await check(question.contract, draft, question, sandbox=calls.sandbox))
        calls.rate(draft, "contract", found.quality)
        if not found.accepted:
            return found
    asked = asked_about(question, draft, settings.verify_prompt, step=VERIFIER, seat=verifier)
    verdict, why = await judged(calls, asked)
    if verdict is None:
        told(calls, VERIFIER, FELL_BACK, why)
    else:
        calls.rate(draft, "judge", verdict.quality)
    return verdict


async def _written(
    settings: DraftVerifySettings, question: Question, calls: Calls, draft: Answer, verdict: Verdict, verifier: str
) -> Answer:
    """The verifier's own answer; the draft, where there is none. Raises: AntiphonError, where the draft is none either."""
    asked = asked_again(question, draft, verdict, settings.prompt, step=FINAL_STEP, seat=verifier)
    if not draft.text.strip():
        asked = Asked(step=FINAL_STEP, seat=verifier)
    try:
        answer = await calls.final(asked)
    except AntiphonError as error:
        if not draft.text.strip():
            raise
        told(calls, FINAL_STEP, FELL_BACK, error.said_code)
        return draft
    if valid(answer) or not valid(draft):
        return answer
    told(calls, FINAL_STEP, FELL_BACK, "it gave no whole answer")
    return draft
