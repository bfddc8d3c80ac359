"""Who sits where: a recipe's seats as deployments that may take the request, and its steps as the plan shows them."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, structs

from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.plan import Candidate, Envelope, Plan, Predicted, Step
from antiphon.recipes.port import Seated
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import ROUTE_SEAT, StepShape
from antiphon.routing.gain import Gain
from antiphon.routing.plan import Choice
from antiphon.routing.route import Route

PICO_PER_NANO = 1000
TYPICAL_INPUT, TYPICAL_OUTPUT = 1000, 500
"""Tokens of a call by which seats are compared before anything is known of the request."""


class Recipe(Struct, frozen=True, kw_only=True):
    """A recipe under one revision."""

    name: str
    settings: RecipeSettings
    seats: Mapping[str, Route]
    """Where each seat that it names leads."""

    @property
    def weighs_impact(self) -> bool:
        """What it does depends on what is at stake."""
        return self.settings.cascade is not None and bool(self.settings.cascade.last_at)

    @property
    def ranks(self) -> bool:
        """Its shape goes by expected quality."""
        cascade = self.settings.cascade
        return cascade is not None and cascade.order in {"quality", "value"}

    gain: Gain | None = None
    """The model of expected gain that it goes by."""
    version: str = ""
    """Digest of its settings."""


class Seating(Struct, frozen=True, kw_only=True):
    """A recipe made concrete for one kind of request."""

    plan: Plan
    stands: Mapping[str, Step]
    """Who answers at each seat; a seat that nobody may take is left out."""
    seated: tuple[Seated, ...]
    """The route's own candidates in order, then the seats that are named."""
    envelope: Envelope


def expected(predicted: Sequence[Predicted]) -> tuple[tuple[str, float], ...]:
    """Expected quality by deployment, to the hundredth: as far as a recipe's shape may go by it."""
    return tuple((one.deployment, round(one.quality, 2)) for one in predicted if one.quality is not None)


def known_now(seated: Sequence[Seated], predicted: Sequence[Predicted]) -> tuple[Seated, ...]:
    """Seats with what is expected of this very request, where that is known."""
    known = {one.deployment: one for one in predicted}
    return tuple(one if one.seat not in known else _updated(one, known[one.seat]) for one in seated)


def _updated(seat: Seated, said: Predicted) -> Seated:
    cost = seat.cost_nano_usd if said.cost_nano_usd is None else said.cost_nano_usd
    return structs.replace(seat, quality=said.quality, cost_nano_usd=cost)


def seating(
    recipe: Recipe,
    single: Plan,
    known: Mapping[str, Deployment],
    choose: Callable[[Route], Choice],
    qualities: Sequence[tuple[str, float]] = (),
) -> Seating:
    """Seat a recipe.

    Args:
        single: The plan of one call to the route's own candidates: those that a recipe's unnamed seats stand for.
        known: Deployments by name.
        choose: Who of a seat's deployments can take the request. Raises BadRequest, when nobody can.
        qualities: Expected of deployments, 0 to 1; of others nothing is known.
    """
    own, quality = single.steps[0], dict(qualities)
    stands, lost = {ROUTE_SEAT: own}, list[Candidate]()
    # Candidates one by one, as a call that picks among them would have them: the step's own, then who takes over.
    names = dict.fromkeys((*own.deployments, *(name for one in own.fallbacks for name in one.deployments)))
    for name in names:
        stands[name] = Step(name=name, deployments=(name,), envelope=own.envelope)
    for seat, route in recipe.seats.items():
        try:
            made = choose(route)
        except BadRequest as error:
            lost.append(Candidate(deployment=seat, lost=error.noted))
            continue
        lost += [one for one in made.lost if one not in lost]
        stands[seat] = Step(
            name=seat,
            deployments=tuple(one.name for one in made.fit),
            envelope=own.envelope,
            fallbacks=made.fallbacks,
        )
    seated = tuple(
        _seated(name, stand, known, quality, candidate=name in own.deployments)
        for name, stand in stands.items()
        if name
    )
    shapes = recipe.settings.steps(seated)
    envelope = recipe.settings.envelope_of(seated, own.envelope.attempts)
    most = {one.deployment for one in single.candidates}
    plan = structs.replace(
        single,
        recipe=recipe.settings.pattern,
        named=recipe.name,
        version=recipe.version,
        steps=tuple(_step(shape, stands) for shape in shapes),
        candidates=(*single.candidates, *(one for one in _others(stands, lost) if one.deployment not in most)),
        envelope=envelope,
    )
    return Seating(plan=plan, stands=stands, seated=seated, envelope=envelope)


def _step(shape: StepShape, stands: Mapping[str, Step]) -> Step:
    stand = stands.get(shape.seat)
    envelope = Envelope() if stand is None else structs.replace(stand.envelope, calls=shape.most_calls)
    return Step(
        name=shape.name,
        deployments=() if stand is None else stand.deployments,
        envelope=envelope,
        fallbacks=() if stand is None else stand.fallbacks,
        role=shape.role,
        after=shape.after,
        only_if=shape.only_if,
    )


def _others(stands: Mapping[str, Step], lost: Sequence[Candidate]) -> tuple[Candidate, ...]:
    names = dict.fromkeys(name for stand in stands.values() for name in stand.deployments)
    return (*lost, *(Candidate(deployment=name) for name in names))


def _seated(
    seat: str, stand: Step, known: Mapping[str, Deployment], quality: Mapping[str, float], *, candidate: bool
) -> Seated:
    """What is known of a seat before it is asked: of several deployments the dearest and the worst count, and what all
    can do.
    """
    qualities = [quality[name] for name in stand.deployments if name in quality]
    deployments = [known[name] for name in stand.deployments]
    prices = [one.price for one in deployments]
    costs = [
        (price.input * TYPICAL_INPUT + price.output * TYPICAL_OUTPUT + price.call) // PICO_PER_NANO
        for price in prices
        if price is not None
    ]
    can = [one.capabilities for one in deployments]
    return Seated(
        seat=seat,
        candidate=candidate,
        cost_nano_usd=max(costs) if costs and len(costs) == len(prices) else None,
        quality=min(qualities) if qualities and len(qualities) == len(stand.deployments) else None,
        logprobs=None if any(one is None for one in can) else all(one and "logprobs" in one for one in can),
    )
