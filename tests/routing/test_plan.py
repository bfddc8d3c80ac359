import os
import subprocess
import sys
from collections import Counter

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.error import BadRequest
from antiphon.core.plan import Candidate, Plan
from antiphon.core.receipt import Receipt
from antiphon.core.request import Head, Need
from antiphon.core.verdict import Verdict
from antiphon.policy.verdict import ALLOWED
from antiphon.routing import plan as routing
from antiphon.routing.route import Prompt, Route

NEEDS: tuple[Need, ...] = ("tools", "images", "audio")
SEEDS = st.integers(0, 2**32 - 1)
HEADS = st.builds(
    Head,
    dialect=st.just("openai_chat"),
    endpoint=st.just("/"),
    model=st.just("fast"),
    needs=st.frozensets(st.sampled_from(NEEDS)),
    output_tokens=st.none() | st.integers(1, 100),
    answers=st.integers(1, 3),
)
DEPLOYMENTS = st.lists(
    st.builds(
        Deployment,
        name=st.sampled_from("abcdef"),
        provider=st.just("p"),
        model=st.just("m"),
        weight=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
        capabilities=st.none() | st.frozensets(st.sampled_from(NEEDS)),
        output_tokens=st.none() | st.integers(1, 100),
        timeouts=st.builds(Timeouts, total_s=st.sampled_from([1.0, 2.0])),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda deployment: deployment.name,
)
ROUTES = st.builds(
    Route,
    name=st.just("fast"),
    deployments=DEPLOYMENTS.map(tuple),
    lost=st.sampled_from([(), (Candidate(deployment="off", lost="no key"),)]),
    prompt=st.sampled_from([None, Prompt(id="brief", version="0123456789ab", text="Be brief.")]),
)
VERDICTS = st.builds(
    Verdict, allowed=st.just(True), excluded=st.frozensets(st.sampled_from("abc"), max_size=2).map(tuple)
)


def plan(route: Route, head: Head, verdict: Verdict, seed: int) -> Plan:
    """The plan that a seed draws."""
    choice = routing.choice(route, head, verdict)
    return routing.plan(route, head, choice, choice.drawn(seed))


def planned(route: Route, head: Head, verdict: Verdict, seed: int) -> Plan:
    try:
        return plan(route, head, verdict, seed)
    except BadRequest:
        assume(False)
        raise


def route_of(*weights: float) -> Route:
    deployments = [
        Deployment(name=f"d{number}", provider="p", model="m", weight=weight) for number, weight in enumerate(weights)
    ]
    return Route(name="fast", deployments=tuple(deployments))


def head_of(*needs: Need, output_tokens: int | None = None, answers: int = 1) -> Head:
    return Head(
        dialect="openai_chat",
        endpoint="/",
        model="fast",
        needs=frozenset(needs),
        output_tokens=output_tokens,
        answers=answers,
    )


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_the_same_arguments_give_the_same_plan(route: Route, head: Head, verdict: Verdict, seed: int) -> None:
    one, other = planned(route, head, verdict, seed), planned(route, head, verdict, seed)

    assert one == other
    assert one.digest() == other.digest()


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_every_candidate_but_the_chosen_one_has_a_reason(route: Route, head: Head, verdict: Verdict, seed: int) -> None:
    made = planned(route, head, verdict, seed)

    (step,) = made.steps
    (chosen,) = step.deployments
    assert {one.deployment for one in made.candidates if not one.lost} == {chosen}
    names = [*(one.deployment for one in route.lost), *(one.name for one in route.deployments)]
    assert sorted(one.deployment for one in made.candidates) == sorted(names)


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_only_what_is_allowed_able_and_weighted_is_chosen(
    route: Route, head: Head, verdict: Verdict, seed: int
) -> None:
    made = planned(route, head, verdict, seed)

    chosen = next(one for one in route.deployments if one.name == made.steps[0].deployments[0])
    assert chosen.name not in verdict.excluded
    assert chosen.weight > 0 or len(route.deployments) == 1
    assert chosen.capabilities is None or head.needs <= chosen.capabilities
    assert (head.output_tokens or 0) <= (chosen.output_tokens or 10**9)


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_a_request_is_refused_only_when_nothing_fits(route: Route, head: Head, verdict: Verdict, seed: int) -> None:
    fits = [
        one
        for one in route.deployments
        if one.name not in verdict.excluded
        and (one.weight > 0 or len(route.deployments) == 1)
        and (one.capabilities is None or head.needs <= one.capabilities)
        and (head.output_tokens or 0) <= (one.output_tokens or 10**9)
    ]
    if fits:
        plan(route, head, verdict, seed)
    else:
        with pytest.raises(BadRequest) as caught:
            plan(route, head, verdict, seed)
        assert (caught.value.said_code, caught.value.param) == ("no_capable_model", "model")
        assert all(f"{one.name}: " in caught.value.noted for one in route.deployments)
        assert all(f"{one.name}: " not in caught.value.message for one in route.deployments)


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_a_receipt_holds_what_its_plan_can_be_made_again_from(
    route: Route, head: Head, verdict: Verdict, seed: int
) -> None:
    made = planned(route, head, verdict, seed)
    stored = msgspec.json.encode(
        Receipt(
            id="r",
            at_ns=0,
            revision="v",
            outcome="ok",
            asked=head.model,
            needs=tuple(sorted(head.needs)),
            output_tokens=head.output_tokens,
            answers=head.answers,
            verdict=verdict,
            plan=made,
            seed=seed,
        )
    )

    receipt = msgspec.json.decode(stored, type=Receipt)
    assert receipt.plan is not None
    assert receipt.verdict is not None
    again = Head(
        dialect="openai_chat",
        endpoint="/",
        model=receipt.asked,
        needs=frozenset(receipt.needs),
        output_tokens=receipt.output_tokens,
        answers=receipt.answers,
    )
    assert plan(route, again, receipt.verdict, receipt.seed) == made


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0), (0.1, 0.2, 0.7), (1.0, 0.0, 1.0), (1e6, 1e-3)])
def test_shares_follow_the_weights(weights: tuple[float, ...]) -> None:
    """Chi-square over seeds spread evenly, so that no share may be off by more than a seed or two."""
    route, count = route_of(*weights), 4000
    step = 2**32 // count

    chosen = Counter(
        plan(route, head_of(), ALLOWED, seed).steps[0].deployments[0] for seed in range(0, 2**32 - step, step)
    )

    expected = {f"d{number}": weight / sum(weights) * count for number, weight in enumerate(weights)}
    chi_square = sum((chosen[name] - share) ** 2 / share for name, share in expected.items() if share)
    assert chi_square < 1
    assert all(chosen[name] == 0 for name, share in expected.items() if not share)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_the_least_and_the_greatest_seed_choose_the_first_and_the_last(weights: list[float]) -> None:
    route = route_of(*weights)

    assert plan(route, head_of(), ALLOWED, 0).steps[0].deployments == ("d0",)
    assert plan(route, head_of(), ALLOWED, 2**32 - 1).steps[0].deployments == (f"d{len(weights) - 1}",)


@pytest.mark.parametrize(
    ("deployment", "head", "why"),
    [
        ({"capabilities": frozenset[Need]({"tools"})}, head_of("images", "audio"), "lacks audio, images"),
        ({"capabilities": frozenset[Need]()}, head_of("tools"), "lacks tools"),
        ({"output_tokens": 10}, head_of(output_tokens=11), "gives 10 output tokens at most"),
        ({"weight": 0.0}, head_of(), "weight 0"),
    ],
)
def test_a_loser_says_why(deployment: dict[str, object], head: Head, why: str) -> None:
    other = Deployment(name="other", provider="p", model="m")
    loser = msgspec.structs.replace(other, name="loser", **deployment)

    made = plan(Route(name="fast", deployments=(loser, other)), head, ALLOWED, 0)

    assert made.candidates == (Candidate(deployment="loser", lost=why), Candidate(deployment="other"))


def test_what_policy_excludes_loses_by_policy() -> None:
    verdict = Verdict(allowed=True, excluded=("d0",))

    made = plan(route_of(1.0, 1.0), head_of(), verdict, 0)

    assert made.candidates == (Candidate(deployment="d0", lost="policy"), Candidate(deployment="d1"))


def test_what_the_dice_leave_loses_by_weight() -> None:
    made = plan(route_of(1.0, 1.0), head_of(), ALLOWED, 0)

    assert made.candidates == (Candidate(deployment="d0"), Candidate(deployment="d1", lost="weight"))


@pytest.mark.parametrize(
    ("asked", "answers", "limit", "bound"),
    [(None, 1, None, None), (None, 3, 100, 300), (50, 2, 100, 100), (50, 1, None, 50), (None, 1, 100, 100)],
)
def test_the_envelope_bounds_all_answers_together(
    asked: int | None, answers: int, limit: int | None, bound: int | None
) -> None:
    deployment = Deployment(name="d", provider="p", model="m", output_tokens=limit, timeouts=Timeouts(total_s=7))

    made = plan(
        Route(name="fast", deployments=(deployment,)), head_of(output_tokens=asked, answers=answers), ALLOWED, 0
    )

    assert made.steps[0].envelope.output_tokens == bound
    assert made.steps[0].envelope.seconds == 7


def test_a_plan_names_the_prompt_that_its_route_adds() -> None:
    deployment = Deployment(name="d", provider="p", model="m")
    prompt = Prompt(id="brief", version="0123456789ab", text="Be brief.")

    made = plan(Route(name="fast", deployments=(deployment,), prompt=prompt), head_of(), ALLOWED, 0)

    assert made.prompt == "brief@0123456789ab"


def test_a_digest_is_the_same_in_every_process() -> None:
    made = plan(route_of(1.0, 2.0, 3.0), head_of("tools", "images"), ALLOWED, 2**31)
    script = (
        "import msgspec; from antiphon.core.plan import Plan; "
        f"print(msgspec.json.decode({msgspec.json.encode(made)!r}, type=Plan).digest())"
    )

    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert digests == {made.digest()}


@given(ROUTES, HEADS, VERDICTS, SEEDS)
def test_plans_that_differ_have_other_digests(route: Route, head: Head, verdict: Verdict, seed: int) -> None:
    made = planned(route, head, verdict, seed)

    other = msgspec.structs.replace(made, route=f"{made.route}x")

    assert other.digest() != made.digest()
    assert len(made.digest()) == 16
