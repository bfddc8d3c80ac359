"""What a verifier or critic says of an answer."""

from collections.abc import Callable

from msgspec import Struct

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.recipes.assign import judging
from antiphon.recipes.contract import Checked
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_verdict import FORM
from antiphon.recipes.reading import number_of, object_in, strings_of
from antiphon.recipes.say import DATA, onward, quoted, sampled, shortened

LOW, HIGH = 1.0, 10.0
SHORT_TOKENS = 500
"""Of an answer that is quoted, where a request was refused as too long."""
MOST_OBJECTIONS, MOST_CHARACTERS = 20, 2000


class Verdict(Struct, frozen=True, kw_only=True):
    """A judgement."""

    accepted: bool
    score: float | None = None
    """1 to 10."""
    objections: tuple[str, ...] = ()

    @property
    def quality(self) -> float:
        """0 to 1: the score as a part of the highest; without one, whether it was accepted."""
        return float(self.accepted) if self.score is None else (self.score - LOW) / (HIGH - LOW)

    def told(self) -> str:
        """Objections as those read them who are to mend what they object to."""
        return "\n".join(f"- {one}" for one in self.objections) or "- it isn't right"


def read(text: str) -> Verdict | None:
    """A judgement in an answer; None: it can't be read."""
    found = object_in(text)
    accepted = None if found is None else found.get("accepted")
    if found is None or not isinstance(accepted, bool):
        return None
    objections = strings_of(found, "objections") or ()
    return Verdict(
        accepted=accepted,
        score=number_of(found, "score", LOW, HIGH),
        objections=tuple(one.strip()[:MOST_CHARACTERS] for one in objections if one.strip())[:MOST_OBJECTIONS],
    )


def of_contract(found: Checked) -> Verdict:
    """What a contract says of an answer."""
    return Verdict(accepted=found.ok, objections=tuple(one.told for one in found.broken))


def at_sight(answer: Answer) -> Verdict | None:
    """What shows without a judge: an answer that is none. None: nothing does."""
    if valid(answer):
        return None
    why = "It was cut off before its end; be shorter." if answer.text.strip() else "It is empty."
    return Verdict(accepted=False, objections=(why,))


def asked_about(question: Question, answer: Answer, prompt: str, *, step: str, seat: str) -> Asked:
    """The call of a verifier."""

    def said(text: str) -> Content:
        own = quoted([("A", text)], seed=question.seed)
        return judging(question.content, f"{prompt}\n\n{FORM}\n\n{DATA}\n\n{own}")

    return _asked(said, answer, step, seat)


def asked_again(question: Question, answer: Answer, verdict: Verdict, prompt: str, *, step: str, seat: str) -> Asked:
    """The call of who is to mend an answer, or to write another. It has the caller's whole request before it."""

    def said(text: str) -> Content:
        own = quoted([("A", text)], seed=question.seed)
        against = quoted([("of-A", verdict.told())], seed=question.seed, kind="objections")
        return sampled(onward(question.content, f"{prompt} {DATA}\n\n{own}\n\n{against}"))

    return _asked(said, answer, step, seat)


def _asked(said: Callable[[str], Content], answer: Answer, step: str, seat: str) -> Asked:
    short = shortened(answer.text, SHORT_TOKENS)
    return Asked(
        step=step,
        seat=seat,
        content=said(answer.text or "(nothing)"),
        stands_in=None if short == answer.text else said(short),
    )


async def judged(calls: Calls, asked: Asked) -> tuple[Verdict | None, str]:
    """Ask a verifier. Returns its judgement; None and why, when there is none."""
    try:
        answer = await calls.ask(asked)
    except AntiphonError as error:
        return None, error.said_code
    verdict = read(answer.text)
    return verdict, "" if verdict is not None else "its judgement can't be read"
