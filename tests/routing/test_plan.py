import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.error import BadRequest
from antiphon.core.plan import Candidate, Fallback, FallbackKind, Plan
from antiphon.core.receipt import Receipt
from antiphon.core.request import Head, Need
from antiphon.core.verdict import Verdict
from antiphon.policy.verdict import ALLOWED
from antiphon.routing import plan as routing
from antiphon.routing.route import Pool, Prompt, Route

NEEDS: tuple[Need, ...] = ("tools", "images", "audio")
HEADS = st.builds(
    Head,
    dialect=st.just("openai_chat"),
    endpoint=st.just("/"),
    model=st.just("fast"),
    needs=st.frozensets(st.sampled_from(NEEDS)),
    output_tokens=st.none() | st.integers(1, 100),
    answers=st.integers(1, 3),
)
KINDS: tuple[FallbackKind, ...] = ("any", "context_window", "content_policy")


def deployments(names: str) -> st.SearchStrategy[list[Deployment]]:
    return st.lists(
        st.builds(
            Deployment,
            name=st.sampled_from(names),
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


POOLS = st.lists(
    st.builds(Pool, on=st.sampled_from(KINDS), deployments=deployments("cdefgh").map(tuple)), max_size=3
).map(tuple)
ROUTES = st.builds(
    Route,
    name=st.just("fast"),
    deployments=deployments("abcdef").map(tuple),
    lost=st.sampled_from([(), (Candidate(deployment="off", lost="no key"),)]),
    prompt=st.sampled_from([None, Prompt(id="brief", version="0123456789ab", text="Be brief.")]),
    fallbacks=POOLS,
    attempts=st.integers(1, 9),
    seconds=st.sampled_from([1.0, 600.0]),
)
VERDICTS = st.builds(
    Verdict, allowed=st.just(True), excluded=st.frozensets(st.sampled_from("abc"), max_size=2).map(tuple)
)


def plan(route: Route, head: Head, verdict: Verdict) -> Plan:
    return routing.plan(route, head, routing.choice(route, head, verdict))


def planned(route: Route, head: Head, verdict: Verdict) -> Plan:
    try:
        return plan(route, head, verdict)
    except BadRequest:
        assume(False)
        raise


def takes(one: Deployment, head: Head, verdict: Verdict) -> bool:
    """Whether a deployment may and can take a request."""
    return (
        one.name not in verdict.excluded
        and (one.capabilities is None or head.needs <= one.capabilities)
        and (head.output_tokens or 0) <= (one.output_tokens or 10**9)
    )


def fits(route: Route, head: Head, verdict: Verdict) -> list[str]:
    """Those of a route's own that can answer."""
    alone = len(route.deployments) == 1
    return [one.name for one in route.deployments if takes(one, head, verdict) and (one.weight > 0 or alone)]


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


@given(ROUTES, HEADS, VERDICTS)
def test_the_same_arguments_give_the_same_plan(route: Route, head: Head, verdict: Verdict) -> None:
    one, other = planned(route, head, verdict), planned(route, head, verdict)

    assert one == other
    assert one.digest() == other.digest()


@given(ROUTES, HEADS, VERDICTS)
def test_all_that_fit_may_answer_in_the_routes_order(route: Route, head: Head, verdict: Verdict) -> None:
    own = fits(route, head, verdict)
    assume(own)

    (step,) = plan(route, head, verdict).steps

    assert list(step.deployments) == own


@given(ROUTES, HEADS, VERDICTS)
def test_every_candidate_may_answer_or_has_a_reason(route: Route, head: Head, verdict: Verdict) -> None:
    made = planned(route, head, verdict)

    (step,) = made.steps
    assert tuple(one.deployment for one in made.candidates if not one.lost) == step.deployments
    told = {one.deployment for one in made.candidates}
    assert {one.deployment for one in route.lost} | {one.name for one in route.deployments} <= told


@given(ROUTES, HEADS, VERDICTS)
def test_nobody_who_may_not_or_can_not_answer_is_in_a_plan(route: Route, head: Head, verdict: Verdict) -> None:
    made = planned(route, head, verdict)

    (step,) = made.steps
    able = {one.name for one in route.deployments if takes(one, head, verdict)}
    for pool in route.fallbacks:
        able |= {one.name for one in pool.deployments if takes(one, head, verdict)}
    assert {*step.deployments, *(name for one in step.fallbacks for name in one.deployments)} <= able


@given(ROUTES, HEADS, VERDICTS)
def test_fallbacks_keep_their_order_and_hold_all_who_are_able(route: Route, head: Head, verdict: Verdict) -> None:
    assume(fits(route, head, verdict))

    (step,) = plan(route, head, verdict).steps

    pools = [
        (pool.on, tuple(one.name for one in pool.deployments if takes(one, head, verdict))) for pool in route.fallbacks
    ]
    assert [(one.on, one.deployments) for one in step.fallbacks] == [pool for pool in pools if pool[1]]


@given(ROUTES, HEADS, VERDICTS)
def test_where_nobody_of_the_route_fits_the_first_who_can_stand_in_take_its_place(
    route: Route, head: Head, verdict: Verdict
) -> None:
    assume(not fits(route, head, verdict))
    stand_ins = [
        able
        for pool in route.fallbacks
        if pool.on == "any" and (able := [one.name for one in pool.deployments if takes(one, head, verdict)])
    ]

    if stand_ins:
        (step,) = plan(route, head, verdict).steps
        assert list(step.deployments) == stand_ins[0]
        assert [list(one.deployments) for one in step.fallbacks if one.on == "any"] == stand_ins[1:]
    else:
        with pytest.raises(BadRequest) as caught:
            plan(route, head, verdict)
        pools = [one for pool in route.fallbacks if pool.on == "any" for one in pool.deployments]
        own = [one for one in route.deployments if one.weight > 0 or len(route.deployments) == 1]
        forbidden = [
            one for one in (*own, *pools) if one.name in verdict.excluded and takes(one, head, Verdict(allowed=True))
        ]
        code, told = ("policy_denied", forbidden) if forbidden else ("no_capable_model", route.deployments)
        assert (caught.value.said_code, caught.value.param) == (code, "model")
        assert all(f"{one.name}: " in caught.value.noted for one in told)
        assert all(f"{one.name}: " not in caught.value.message for one in route.deployments)


@given(ROUTES, HEADS, VERDICTS)
def test_a_receipt_holds_what_its_plan_can_be_made_again_from(route: Route, head: Head, verdict: Verdict) -> None:
    made = planned(route, head, verdict)
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
        )
    )

    receipt = msgspec.json.decode(stored, type=Receipt)
    assert receipt.plan == made
    assert receipt.verdict is not None
    again = Head(
        dialect="openai_chat",
        endpoint="/",
        model=receipt.asked,
        needs=frozenset(receipt.needs),
        output_tokens=receipt.output_tokens,
        answers=receipt.answers,
    )
    assert plan(route, again, receipt.verdict) == made


@given(ROUTES, HEADS, VERDICTS)
def test_the_envelope_is_the_routes(route: Route, head: Head, verdict: Verdict) -> None:
    envelope = planned(route, head, verdict).steps[0].envelope

    assert (envelope.attempts, envelope.seconds) == (route.attempts, route.seconds)


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

    made = plan(Route(name="fast", deployments=(loser, other)), head, ALLOWED)

    assert made.candidates == (Candidate(deployment="loser", lost=why), Candidate(deployment="other"))


def test_what_policy_excludes_loses_by_policy() -> None:
    verdict = Verdict(allowed=True, excluded=("d0",))

    made = plan(route_of(1.0, 1.0), head_of(), verdict)

    assert made.candidates == (Candidate(deployment="d0", lost="policy"), Candidate(deployment="d1"))


def test_all_who_may_answer_are_equal_in_the_plan_whatever_their_weight() -> None:
    made = plan(route_of(1.0, 3.0), head_of(), ALLOWED)

    assert made.candidates == (Candidate(deployment="d0"), Candidate(deployment="d1"))
    assert made.steps[0].deployments == ("d0", "d1")


def test_a_fallback_of_another_kind_does_not_take_the_routes_place() -> None:
    blind = Deployment(name="blind", provider="p", model="m", capabilities=frozenset[Need]())
    seeing = Deployment(name="seeing", provider="p", model="m")
    route = Route(name="fast", deployments=(blind,), fallbacks=(Pool(on="context_window", deployments=(seeing,)),))

    with pytest.raises(BadRequest, match="lacks images"):
        plan(route, head_of("images"), ALLOWED)

    able = msgspec.structs.replace(route, deployments=(seeing,))
    assert plan(able, head_of("images"), ALLOWED).steps[0].fallbacks == (
        Fallback(on="context_window", deployments=("seeing",)),
    )


def test_a_fallback_that_can_not_take_the_request_is_told_with_its_reason() -> None:
    blind = Deployment(name="blind", provider="p", model="m", capabilities=frozenset[Need]())
    route = Route(
        name="fast",
        deployments=(Deployment(name="own", provider="p", model="m"),),
        fallbacks=(Pool(on="any", deployments=(blind,)),),
    )

    made = plan(route, head_of("images"), ALLOWED)

    assert made.steps[0].fallbacks == ()
    assert Candidate(deployment="blind", lost="lacks images") in made.candidates


@pytest.mark.parametrize(
    ("asked", "answers", "limit", "bound"),
    [(None, 1, None, None), (None, 3, 100, 300), (50, 2, 100, 100), (50, 1, None, 50), (None, 1, 100, 100)],
)
def test_the_envelope_bounds_all_answers_together(
    asked: int | None, answers: int, limit: int | None, bound: int | None
) -> None:
    deployment = Deployment(name="d", provider="p", model="m", output_tokens=limit)

    made = plan(Route(name="fast", deployments=(deployment,)), head_of(output_tokens=asked, answers=answers), ALLOWED)

    assert made.steps[0].envelope.output_tokens == bound


@pytest.mark.parametrize(("limits", "bound"), [((10, 30), 30), ((10, None), None)])
def test_the_envelope_bounds_whoever_of_several_answers(limits: tuple[int | None, ...], bound: int | None) -> None:
    several = tuple(
        Deployment(name=f"d{number}", provider="p", model="m", output_tokens=limit)
        for number, limit in enumerate(limits)
    )

    made = plan(Route(name="fast", deployments=several), head_of(), ALLOWED)

    assert made.steps[0].envelope.output_tokens == bound


def test_a_plan_names_the_prompt_that_its_route_adds() -> None:
    deployment = Deployment(name="d", provider="p", model="m")
    prompt = Prompt(id="brief", version="0123456789ab", text="Be brief.")

    made = plan(Route(name="fast", deployments=(deployment,), prompt=prompt), head_of(), ALLOWED)

    assert made.prompt == "brief@0123456789ab"


def test_a_digest_is_the_same_in_every_process() -> None:
    made = plan(route_of(1.0, 2.0, 3.0), head_of("tools", "images"), ALLOWED)
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


@given(ROUTES, HEADS, VERDICTS)
def test_plans_that_differ_have_other_digests(route: Route, head: Head, verdict: Verdict) -> None:
    made = planned(route, head, verdict)

    other = msgspec.structs.replace(made, route=f"{made.route}x")

    assert other.digest() != made.digest()
    assert len(made.digest()) == 16
