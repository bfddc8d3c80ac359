"""Several answers, and a judge who picks one: by scores, or in a tournament of pairs."""

from collections.abc import Sequence
from functools import partial
from itertools import count

from antiphon.core.receipt import Noted
from antiphon.recipes import members
from antiphon.recipes.chance import shuffled
from antiphon.recipes.judging import SCORE, asked_about, preferred, score_in, share
from antiphon.recipes.likeness import medoid
from antiphon.recipes.members import quality_of, speaking, told
from antiphon.recipes.port import Answer, Calls, Question
from antiphon.recipes.say import label
from antiphon.recipes.settings_best_of import JUDGE, BestOfSettings
from antiphon.recipes.shape import again
from antiphon.recipes.side import side_by_side
from antiphon.recipes.team import gather
from antiphon.recipes.watch import FELL_BACK

STEP = "best_of"
_FOR_LATER = {0: -1, 1: 1, -1: 0}
"""What a judgement says for the answer that is shown as B."""


async def run(settings: BestOfSettings, question: Question, calls: Calls) -> Answer:
    """Ask, judge, release. Raises: AntiphonError, when nobody answered."""
    came = await members.together(settings, calls, members.asks(settings, question))
    if not came.valid:
        return members.last_chance(calls, STEP, came)
    tools = members.tool_answer(came.valid)
    if tools is not None:
        told(calls, STEP, "skipped", "most of the answers call tools")
        return tools
    short = members.short_of(settings, came.valid)
    if short:
        told(calls, STEP, FELL_BACK, short)
    answers = _different(speaking(came.valid))
    if len(answers) == 1:
        told(calls, STEP, "skipped", "no two answers differ")
        return answers[0]
    judge = _by_score if settings.by == "score" else _by_pairs
    ranked = await judge(settings, question, calls, answers)
    if not ranked:
        told(calls, STEP, FELL_BACK, "no judgement could be read: the answer most like the others")
        place, _ = medoid([answer.text for answer in answers])
        ranked = [answers[place], *(one for one in answers if one is not answers[place])]
    return members.released(ranked, question)


def _different(answers: Sequence[Answer]) -> list[Answer]:
    """The first of those that are the same."""
    return list({answer.text.strip(): answer for answer in reversed(answers)}.values())[::-1]


async def _by_score(
    settings: BestOfSettings, question: Question, calls: Calls, answers: Sequence[Answer]
) -> list[Answer]:
    """Answers, the best scored one first; none, when no score could be read."""
    asks = [
        asked_about(
            settings.judging,
            question,
            SCORE,
            [(label(0), answer.text)],
            step=again(JUDGE, place),
            seat=settings.who_judges(question.seats),
        )
        for place, answer in enumerate(answers, 1)
    ]
    of = {asked.step: answer for asked, answer in zip(asks, answers, strict=True)}
    came = await gather(calls, asks, concurrency=settings.concurrency, timeout_s=settings.timeout_s)
    scores: dict[str, float] = {}
    for judgement in came.answers:
        score = score_in(judgement.text)
        if score is None:
            told(calls, judgement.step, "skipped", "its judgement can't be read")
        else:
            scores[of[judgement.step].step] = score
            calls.rate(of[judgement.step], "judge", share(score))
    for step, score in scores.items():
        calls.note(Noted(step=step, what="rated", score=score))
    if not scores:
        return []
    return sorted(answers, key=lambda one: (-scores.get(one.step, 0.0), -(quality_of(question, one.seat) or 0.0)))


async def _by_pairs(
    settings: BestOfSettings, question: Question, calls: Calls, answers: Sequence[Answer]
) -> list[Answer]:
    """Answers by how far they came in a knock-out, the winner first; none, when no judgement could be read."""
    numbers, judged = count(1), 0
    order = {answer.step: place for place, answer in enumerate(answers)}
    out: list[Answer] = []
    left = shuffled(answers, question.seed, STEP)
    while len(left) > 1:
        pairs = [tuple(sorted(left[at : at + 2], key=lambda one: order[one.step])) for at in range(0, len(left) - 1, 2)]
        bye = left[len(left) - len(left) % 2 :]
        names = [(again(JUDGE, next(numbers)), again(JUDGE, next(numbers))) for _ in pairs]
        found = await side_by_side(
            [
                partial(_wins, settings, question, calls, (pair[0], pair[1]), asked_as)
                for pair, asked_as in zip(pairs, names, strict=True)
            ],
            settings.concurrency and max(1, settings.concurrency // 2),
        )
        judged += sum(read for _, read in found)
        winners = [pair[won] for pair, (won, _) in zip(pairs, found, strict=True)]
        out = [pair[1 - won] for pair, (won, _) in zip(pairs, found, strict=True)] + out
        left = winners + bye
    told(calls, left[0].step, "accepted", f"it won the tournament of {len(answers)}")
    return [*left, *out] if judged else []


async def _wins(
    settings: BestOfSettings,
    question: Question,
    calls: Calls,
    pair: tuple[Answer, Answer],
    asked_as: tuple[str, str],
) -> tuple[int, int]:
    """Which of a pair goes on, and how many judgements could be read. Each order has a vote, a tie none; where the votes
    are even, the earlier answer goes on.
    """
    seat = settings.who_judges(question.seats)
    first, second = await side_by_side(
        [
            partial(preferred, settings.judging, question, calls, pair, asked_as[0], seat),
            partial(preferred, settings.judging, question, calls, (pair[1], pair[0]), asked_as[1], seat),
        ],
        1 if settings.concurrency == 1 else None,
    )
    votes = [sign * _FOR_LATER[place] for place, sign in ((first, 1), (second, -1)) if place is not None]
    if len(votes) == 2 and votes[0] * votes[1] < 0:
        told(calls, asked_as[0], "skipped", "the judge prefers whichever stands first, or second")
    return (1 if sum(votes) > 0 else 0), len(votes)
