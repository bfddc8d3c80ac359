"""What holds for every pattern, whatever its seats do and however little its envelope has."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from scripted_calls import Entry, Fails, Never, Says, ScriptedCalls, play, question

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

SEATS = "abc"
BY: tuple[Method, ...] = ("logprob", "margin", "hybrid", "agreement", "self_check", "verifier", "contract")
JUDGED = (
    '{"A": 5, "B": 7, "C": 6, "score": 6, "better": "B", "chance": 0.8, "agreement": [], "contradiction": ["x"], '
    '"unique": [], "blind_spots": [], "best": "B"}'
)
TOOL = ToolCall(id="t", name="look", arguments="{}")
MEMBERS = st.fixed_dictionaries(
    {"members": st.lists(st.sampled_from(SEATS), max_size=4)},
    optional={
        "concurrency": st.integers(1, 3),
        "quorum": st.integers(1, 3),
        "grace_s": st.sampled_from([0.0, 2.0]),
        "timeout_s": st.sampled_from([3.0, 9.0]),
        "samples": st.integers(1, 3),
    },
)
STAGES = st.lists(st.builds(StageSettings, seat=st.sampled_from(SEATS)), max_size=4)
PATTERNS = st.one_of(
    st.builds(lambda: {"single": SingleSettings(seat="a")}),
    MEMBERS.map(lambda members: {"vote": VoteSettings(**members)}),
    MEMBERS.map(lambda members: {"ratings": RatingsSettings(**members)}),
    st.builds(
        lambda members, by: {"best_of": BestOfSettings(**members, judge="j", by=by)},
        MEMBERS,
        st.sampled_from(["score", "pairs"]),
    ),
    st.builds(
        lambda members, unanimous, tools: {
            "panel": PanelSettings(**members, judge="j", final="f", unanimous=unanimous, tools=tools)
        },
        MEMBERS,
        st.booleans(),
        st.sampled_from(["final", "all"]),
    ),
    st.builds(
        lambda stages, by, samples: {"cascade": CascadeSettings(stages=stages, by=by, verifier="j", samples=samples)},
        STAGES,
        st.lists(st.sampled_from(BY), min_size=1, max_size=3, unique=True),
        st.integers(2, 4),
    ),
)


def recipe_of(
    pattern: dict[str, object], contract: ContractSettings | None, on_failure: str, concurrency: int
) -> RecipeSettings:
    return RecipeSettings(
        **pattern, contract=contract, on_failure=on_failure, envelope=EnvelopeSettings(concurrency=concurrency)
    )


CONTRACT = ContractSettings(choice=ChoiceSettings(options=["A", "B"]), on_violation="repair")
RECIPES = st.builds(
    recipe_of,
    PATTERNS,
    st.sampled_from([None, None, CONTRACT]),
    st.sampled_from(["best", "best", "fail"]),
    st.integers(1, 4),
)
DELAYS = st.integers(0, 8).map(float)
TEXTS = st.sampled_from(["A", "B", "A long answer.", "答えはBです。", JUDGED, ""])
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Says, text=TEXTS, after_s=DELAYS),
    st.builds(Says, text=TEXTS, after_s=DELAYS, logprobs=st.sampled_from([(-0.1,), (-2.0,)])),
    st.builds(Says, text=TEXTS, after_s=DELAYS, cost_nano_usd=st.integers(0, 1000)),
    st.builds(
        Says,
        text=TEXTS,
        after_s=DELAYS,
        output_tokens=st.integers(0, 100),
        cost_nano_usd=st.integers(0, 1000),
        logprobs=st.sampled_from([None, (-0.1,), (-3.0,)]),
        margins=st.sampled_from([None, (5.0,)]),
        finish_reason=st.sampled_from(["stop", "stop", "length", "content_filter"]),
    ),
    st.builds(Says, tools=st.just((TOOL,)), after_s=DELAYS),
    st.builds(Fails, error=st.sampled_from([UpstreamBroken("gone"), UpstreamLimited("slow down")]), after_s=DELAYS),
    st.just(Never()),
)
SCRIPTS = st.fixed_dictionaries(
    {
        **{seat: st.lists(ENTRIES, min_size=1, max_size=4) for seat in (*SEATS, "f", "")},
        "j": st.lists(st.just(Says(text=JUDGED)) | ENTRIES, min_size=1, max_size=3),
    }
)
ENVELOPES = st.builds(
    Envelope,
    calls=st.sampled_from([40, 20, 9, 7, 6, 5, 4, 3, 2, 1, 0]),
    money_nano_usd=st.sampled_from([None, None, 9000, 5000, 3000, 1500]),
    output_tokens=st.sampled_from([None, None, 900, 500, 300, 150]),
    seconds=st.sampled_from([600.0, 600.0, 20.0, 6.0]),
)
SEATED = st.lists(st.sampled_from(SEATS), unique=True).map(
    lambda seats: tuple(Seated(seat=seat, cost_nano_usd=ord(seat), quality=0.5) for seat in seats)
)


def play_out(
    recipe: RecipeSettings,
    scripts: dict[str, list[Entry]],
    envelope: Envelope,
    seats: tuple[Seated, ...],
    *,
    stream: bool,
    seed: int,
) -> tuple[Answer | AntiphonError, ScriptedCalls, float]:
    calls = ScriptedCalls(scripts, envelope, stream=stream)

    async def story() -> tuple[Answer | AntiphonError, float]:
        try:
            found: Answer | AntiphonError = await run(recipe, question(stream=stream, seed=seed, seats=seats), calls)
        except AntiphonError as error:
            found = error
        return found, calls.now_s()

    found, at_s = play(story())
    return found, calls, at_s


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(RECIPES, SCRIPTS, ENVELOPES, SEATED, st.booleans(), st.integers(0, 2**31))
@example(
    RecipeSettings(panel=PanelSettings(members=["a", "b"], judge="j", final="f"), on_failure="fail"),
    {"a": ["A"], "b": ["B"], "j": [UpstreamBroken("gone")], "f": ["A"]},
    Envelope(calls=9),
    (),
    True,
    0,
)
def test_an_envelope_holds_and_an_answer_that_came_is_given_whatever_fails(
    recipe: RecipeSettings,
    scripts: dict[str, list[Entry]],
    envelope: Envelope,
    seats: tuple[Seated, ...],
    stream: bool,
    seed: int,
) -> None:
    found, calls, at_s = play_out(recipe, scripts, envelope, seats, stream=stream, seed=seed)
    purse = calls.purse

    # The envelope.
    assert purse.calls <= envelope.calls
    assert envelope.money_nano_usd is None or purse.spent_nano_usd <= envelope.money_nano_usd
    assert envelope.output_tokens is None or purse.tokens <= envelope.output_tokens
    assert purse.most_at_once <= recipe.envelope.concurrency
    assert at_s <= envelope.seconds

    # Nobody runs on, and who was cut off ended at once.
    assert all(made.ended_s is not None and made.ended_s <= at_s for made in calls.made)

    # The shape tells every call.
    shape = {step.name: step for step in recipe.steps(seats)}
    asked = Counter(step_of(made.asked.step) for made in calls.made)
    assert all(count <= shape[step].most_calls for step, count in asked.items())
    assert max(Counter(calls.steps()).values(), default=1) == 1
    assert all(
        made.asked.seat == shape[step_of(made.asked.step)].seat
        for made in calls.made
        if "repair" not in made.asked.step
    )

    # The best answer that came is given.
    came = [
        made for made in calls.made if made.outcome == "answered" and shape[step_of(made.asked.step)].role in ANSWERING
    ]
    if isinstance(found, Answer):
        assert found.step in {made.asked.step for made in came}
    else:
        assert not came or recipe.on_failure == "fail"
    if isinstance(found, Answer) and not valid(found):
        assert not any(made.answer is not None and valid(made.answer) for made in came)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(RECIPES, SCRIPTS, ENVELOPES, SEATED, st.integers(0, 2**31))
def test_the_same_happens_again_with_the_same_seed(
    recipe: RecipeSettings, scripts: dict[str, list[Entry]], envelope: Envelope, seats: tuple[Seated, ...], seed: int
) -> None:
    first, second = (play_out(recipe, scripts, envelope, seats, stream=False, seed=seed) for _ in range(2))

    assert [made.asked for made in first[1].made] == [made.asked for made in second[1].made]
    assert first[1].notes == second[1].notes
    assert first[0] == second[0] or str(first[0]) == str(second[0])


@pytest.mark.parametrize("stream", [False, True])
def test_streamed_is_whole(stream: bool) -> None:
    recipe = RecipeSettings(panel=PanelSettings(members=["a", "b"], judge="j", final="f"))

    found, _, _ = play_out(recipe, {"j": [JUDGED]}, Envelope(calls=9), (), stream=stream, seed=1)

    assert isinstance(found, Answer)
    assert found.handle == "answer of f"
