"""What holds for every pattern, whatever its seats do and however little its envelope has."""

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from scripted_calls import Entry, Fails, Made, Never, Says, ScriptedCalls, play, question

from antiphon.core.content import ToolCall
from antiphon.core.error import AntiphonError, UpstreamBroken, UpstreamLimited
from antiphon.core.plan import Envelope
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Seated
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_best_of import BestOfSettings
from antiphon.recipes.settings_cascade import CascadeSettings, Method, StageSettings
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings
from antiphon.recipes.settings_envelope import EnvelopeSettings
from antiphon.recipes.settings_panel import PanelSettings
from antiphon.recipes.settings_ratings import RatingsSettings
from antiphon.recipes.settings_single import SingleSettings
from antiphon.recipes.settings_vote import VoteSettings
from antiphon.recipes.shape import ANSWERING, step_of

BY: tuple[Method, ...] = ("logprob", "margin", "hybrid", "agreement", "self_check", "verifier", "contract")
PATTERNS = ("single", "cascade", "vote", "ratings", "best_of", "panel")
JUDGED = (
    '{"A": 5, "B": 7, "C": 6, "score": 6, "better": "B", "chance": 0.8, "agreement": [], "contradiction": ["x"], '
    '"unique": [], "blind_spots": [], "best": "B"}'
)
TEXTS = ("A", "B", "A", "The answer is B.", "A long answer.", "答えはBです。", JUDGED, "")
TOOL = ToolCall(id="t", name="look", arguments="{}")
CONTRACT = ContractSettings(choice=ChoiceSettings(options=["A", "B"]), on_violation="repair")


class Case(Struct, frozen=True, kw_only=True):
    """A recipe, what its seats do, and what it may use."""

    recipe: RecipeSettings
    scripts: dict[str, list[Entry]]
    envelope: Envelope
    seats: tuple[Seated, ...]
    stream: bool
    seed: int


def case_of(seed: int, pattern: str) -> Case:
    """The same seed gives the same case. Some are mild, some hostile."""
    random = Random(seed)
    trouble = random.choice([0.0, 0.1, 0.3, 0.7])
    scripts = {seat: [entry(random, trouble) for _ in range(4)] for seat in ("a", "b", "c", "f", "")}
    scripts["j"] = [entry(random, trouble, JUDGED if random.random() < 0.6 else "") for _ in range(4)]
    recipe = RecipeSettings(
        **{pattern: pattern_of(random, pattern)},
        contract=random.choice([None, None, CONTRACT]),
        on_failure=random.choice(["best", "best", "fail"]),
        envelope=EnvelopeSettings(concurrency=random.randint(1, 5)),
    )
    envelope = Envelope(
        calls=random.choice([40, 40, 40, *range(9)]),
        money_nano_usd=random.choice([None, None, None, random.randrange(9000)]),
        output_tokens=random.choice([None, None, None, random.randrange(900)]),
        seconds=random.choice([600.0, 600.0, 20.0, 6.0]),
    )
    seats = tuple(Seated(seat=seat, cost_nano_usd=ord(seat), quality=0.5) for seat in random.choice(["", "ab", "cab"]))
    return Case(recipe=recipe, scripts=scripts, envelope=envelope, seats=seats, stream=random.random() < 0.3, seed=seed)


def entry(random: Random, trouble: float, text: str = "") -> Entry:
    after_s = float(random.randint(0, 8))
    if random.random() >= trouble:
        return Says(
            text=text or random.choice(TEXTS[:-1]),
            after_s=after_s,
            output_tokens=random.randint(0, 100),
            cost_nano_usd=random.randint(0, 1000),
            logprobs=random.choice([None, (-0.1,), (-2.0,)]),
            margins=random.choice([None, (5.0,), (0.1,)]),
        )
    match random.randrange(6):
        case 0:
            return Says(
                text=random.choice(TEXTS), after_s=after_s, finish_reason=random.choice(["length", "content_filter"])
            )
        case 1:
            return Says(text="", after_s=after_s)
        case 2:
            return Says(tools=(TOOL,), after_s=after_s)
        case 3:
            return Never()
        case _:
            return Fails(error=random.choice([UpstreamBroken("gone"), UpstreamLimited("slow down")]), after_s=after_s)


def pattern_of(random: Random, pattern: str) -> Struct:
    members = {
        "members": list(random.choice(["abc", "abc", "ba", "abac", "a", ""])),
        "samples": random.choice([None, None, 1, 2]),
        "concurrency": random.choice([None, 1, 2]),
        "quorum": random.choice([None, None, 1, 2, 3]),
        "grace_s": random.choice([0.0, 2.0]),
        "timeout_s": random.choice([None, None, 3.0, 9.0]),
    }
    match pattern:
        case "single":
            return SingleSettings(seat=random.choice(["a", ""]))
        case "cascade":
            return CascadeSettings(
                stages=[StageSettings(seat=seat) for seat in random.choice(["abc", "ab", "cab", "a", ""])],
                by=random.sample(BY, random.randint(1, 3)),
                verifier="j",
                samples=random.randint(2, 4),
                agree_with=random.choice(["", "c"]),
                timeout_s=random.choice([None, 5.0]),
            )
        case "vote":
            return VoteSettings(**members, agree=random.choice([None, 2]), by_quality=random.random() < 0.5)
        case "ratings":
            return RatingsSettings(**members, raters=random.choice([[], ["j"], ["j", "j"]]))
        case "best_of":
            return BestOfSettings(**members, judge="j", by=random.choice(["score", "pairs"]))
        case _:
            return PanelSettings(
                **members,
                judge="j",
                final=random.choice(["f", ""]),
                unanimous=random.random() < 0.5,
                tools=random.choice(["final", "all"]),
            )


def played(case: Case) -> tuple[Answer | AntiphonError, ScriptedCalls, float]:
    calls = ScriptedCalls(case.scripts, case.envelope, stream=case.stream)

    async def story() -> tuple[Answer | AntiphonError, float]:
        asked = question(stream=case.stream, seed=case.seed, seats=case.seats)
        try:
            found: Answer | AntiphonError = await run(case.recipe, asked, calls)
        except AntiphonError as error:
            found = error
        return found, calls.now_s()

    found, at_s = play(story())
    return found, calls, at_s


SEEDS = st.integers(0, 2**64)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("pattern", PATTERNS)
@MANY
@given(seed=SEEDS)
def test_an_envelope_holds_and_nobody_runs_on_whatever_fails(pattern: str, seed: int) -> None:
    case = case_of(seed, pattern)

    _, calls, at_s = played(case)

    purse, limits = calls.purse, case.envelope
    assert purse.calls <= limits.calls
    assert limits.money_nano_usd is None or purse.spent_nano_usd <= limits.money_nano_usd
    assert limits.output_tokens is None or purse.tokens <= limits.output_tokens
    assert purse.most_at_once <= case.recipe.envelope.concurrency
    assert at_s <= limits.seconds
    assert all(made.ended_s is not None and made.ended_s <= at_s for made in calls.made)


@pytest.mark.parametrize("pattern", PATTERNS)
@MANY
@given(seed=SEEDS)
def test_an_answer_that_came_is_given_and_a_valid_one_before_any_other(pattern: str, seed: int) -> None:
    case = case_of(seed, pattern)

    found, calls, _ = played(case)

    came = answering(case, calls)
    if isinstance(found, Answer):
        assert found.step in {made.asked.step for made in came}
        assert valid(found) or not any(made.answer is not None and valid(made.answer) for made in came)
    else:
        assert not came or case.recipe.on_failure == "fail"


@pytest.mark.parametrize("pattern", PATTERNS)
@MANY
@given(seed=SEEDS)
def test_the_shape_tells_of_every_call(pattern: str, seed: int) -> None:
    case = case_of(seed, pattern)

    _, calls, _ = played(case)

    shape = {step.name: step for step in case.recipe.steps(case.seats)}
    assert all(before in shape for step in shape.values() for before in step.after)
    for step, count in Counter(step_of(made.asked.step) for made in calls.made).items():
        assert count <= shape[step].most_calls
    for made in calls.made:
        step = shape[step_of(made.asked.step)]
        assert step.role == "repair" or made.asked.seat == step.seat
    assert max(Counter(calls.steps()).values(), default=1) == 1


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(MANY, max_examples=50)
@given(seed=SEEDS)
def test_the_same_happens_again_with_the_same_seed(pattern: str, seed: int) -> None:
    case = case_of(seed, pattern)

    (first, calls, _), (second, again, _) = played(case), played(case)

    assert [made.asked for made in calls.made] == [made.asked for made in again.made]
    assert calls.notes == again.notes
    assert first == second or str(first) == str(second)


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(MANY, max_examples=50)
@given(seed=SEEDS)
def test_the_receipt_is_told_nothing_of_what_was_said(pattern: str, seed: int) -> None:
    case = case_of(seed, pattern)

    _, calls, _ = played(case)

    told = repr(calls.notes)
    assert not any(text in told for text in TEXTS if len(text) > 1)


def answering(case: Case, calls: ScriptedCalls) -> list[Made]:
    """Calls that gave an answer which may go to the caller."""
    roles = {step.name: step.role for step in case.recipe.steps(case.seats)}
    return [made for made in calls.made if made.answer is not None and roles[step_of(made.asked.step)] in ANSWERING]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_most_kinds_of_endings_are_among_the_cases(pattern: str) -> None:
    """Else the tests above would say little."""
    ends: Counter[str] = Counter()
    for seed in range(150):
        found, calls, _ = played(case_of(seed, pattern))
        ends[type(found).__name__] += 1
        ends.update({noted.what for noted in calls.notes})
        ends["streams"] += isinstance(found, Answer) and found.streams

    assert ends["Answer"] >= 60
    assert ends["EnvelopeExceeded"] >= 3
    assert ends["repaired"] + ends["violated"] >= 1
    expected = {
        "single": ["streams"],
        "cascade": ["accepted", "escalated", "fell_back", "streams"],
        "vote": ["voted", "stopped_early", "fell_back", "lost"],
        "ratings": ["rated", "fell_back", "skipped", "lost"],
        "best_of": ["rated", "fell_back", "skipped", "lost"],
        "panel": ["analysed", "unparsed", "stopped_early", "fell_back", "lost", "streams"],
    }
    assert not [what for what in expected[pattern] if ends[what] < 1]
