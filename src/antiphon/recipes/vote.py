"""Several answers, and the one that most of them come to. What is released is an answer that a member gave."""

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct

from antiphon.recipes import members
from antiphon.recipes.ballot import Ballot, KeyOf, count, remembered, settled, weight_of
from antiphon.recipes.extract import key_of
from antiphon.recipes.likeness import medoid
from antiphon.recipes.members import quality_of, speaking, told
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_vote import VoteSettings
from antiphon.recipes.team import Gathered
from antiphon.recipes.watch import FELL_BACK

STEP = "vote"


async def run(settings: VoteSettings, question: Question, calls: Calls) -> Answer:
    """Ask, count, release. Raises: AntiphonError, when nobody answered."""
    asked = members.asks(settings, question, "sample")
    poll = _Poll(
        key_of=remembered(partial(key_of, contract=question.contract, request=members.request_text(question.content))),
        weights=weights_of(settings, question),
        asked=tuple(asked),
        settings=settings,
    )
    came = await members.together(settings, calls, asked, poll.enough)
    if came.stopped and came.lost:
        told(calls, STEP, "stopped_early", came.stopped)
    return _chosen(poll, question, calls, came)


def _chosen(poll: "_Poll", question: Question, calls: Calls, came: Gathered) -> Answer:
    valid = came.valid
    if not valid:
        return members.last_chance(calls, STEP, came)
    tools = members.tool_answer(valid)
    if tools is not None:
        told(calls, STEP, "skipped", "most of the answers call tools")
        return tools
    short = members.short_of(poll.settings, valid)
    if short:
        told(calls, STEP, FELL_BACK, short)
    votes = speaking(valid)
    ballot = poll.count(votes)
    if not ballot.groups:
        place, alike = medoid([one.text for one in votes], [poll.weight(one.seat) for one in votes])
        told(calls, STEP, "voted", "nothing can be extracted from the answers: the one most like the others", alike)
        rest = [one for one in votes if one is not votes[place]]
        return members.released([votes[place], *rest], question)
    told(calls, STEP, "voted", _why(ballot), ballot.share)
    return members.released([answer for group in ballot.groups for answer in group.answers], question)


def _why(ballot: Ballot) -> str:
    won, read = len(ballot.groups[0].answers), sum(len(group.answers) for group in ballot.groups)
    unread = f", {len(ballot.unread)} could not be read" if ballot.unread else ""
    tie = len(ballot.groups) > 1 and round(ballot.groups[0].weight - ballot.groups[1].weight, 9) == 0
    return f"{won} of {read} answers come to the same{unread}{', a tie' if tie else ''}"


def weights_of(settings: VoteSettings, question: Question) -> Mapping[str, float]:
    """What a vote of each seat counts."""
    if settings.weights or not settings.by_quality:
        return settings.weights
    contract = question.contract
    options = len(contract.choice.options) if contract and contract.choice and contract.choice.options else None
    seats = dict.fromkeys(settings.drawn(question.seats))
    known = {seat: weight_of(quality, options) for seat in seats if (quality := quality_of(question, seat)) is not None}
    mean = sum(known.values()) / len(known) if known else 1.0
    return {seat: known.get(seat, mean) for seat in seats}


class _Poll(Struct, frozen=True, kw_only=True):
    """A vote under way."""

    key_of: KeyOf
    weights: Mapping[str, float]
    asked: tuple[Asked, ...]
    settings: VoteSettings

    def weight(self, seat: str) -> float:
        return self.weights.get(seat, 1.0)

    def count(self, votes: Sequence[Answer]) -> Ballot:
        return count(votes, self.key_of, self.weights, [one.step for one in self.asked])

    def enough(self, came: Sequence[Answer]) -> str:
        """Why no further answers are needed. Where one calls tools, the others are waited for: it may be half of them."""
        votes = speaking(came)
        if not self.settings.early_stop or len(votes) < (self.settings.quorum or 1):
            return ""
        if any(answer.calls_tools for answer in came):
            return ""
        ballot = self.count(votes)
        most = len(ballot.groups[0].answers) if ballot.groups else 0
        if self.settings.agree is not None and most >= self.settings.agree:
            return f"{most} answers come to the same"
        answered = {one.step for one in came}
        left = sum(self.weight(one.seat) for one in self.asked if one.step not in answered)
        return "the outcome can't change any more" if left and settled(ballot, left) else ""
