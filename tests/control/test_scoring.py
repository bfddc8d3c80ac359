"""Who may score what, and what a score is of."""

from collections.abc import Sequence
from typing import Any

import pytest
from fakes.records import ListedStore
from receipts import ALICE, receipt

from antiphon.control.scoring import Offered, Scoring
from antiphon.core.error import BadRequest, NotAllowed, NotFound, StoreError
from antiphon.core.plan import Envelope, Plan, Step
from antiphon.core.ports import Scores, Sealer
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.score import DAY_S, Forgetting, Score, Tally
from antiphon.core.signal import Fact

STEP = Step(name="call", deployments=("small",), envelope=Envelope())
PLAN = Plan(recipe="single", route="auto", steps=(STEP,), candidates=())
NOW_NS = 10**18
BOB = Principal(tenant="acme", key="bob")
STRANGER = Principal(tenant="globex", key="alice")
ROOT = Principal(tenant="ops", key="root", admin=True)


class ListedScores(Scores):
    def __init__(self) -> None:
        self.kept: list[Score] = []
        self.sums: dict[str, list[Tally]] = {}

    def put(self, scores: Sequence[Score]) -> None:
        self.kept.extend(scores)

    def of(self, receipt_id: str) -> list[Score]:
        return [one for one in self.kept if one.receipt == receipt_id]

    def tallies(self, tenant: str = "") -> list[Tally]:
        return self.sums.get(tenant, [])


class PlainSealer(Sealer):
    """Binds a context, and hides nothing."""

    def seal(self, plain: bytes, context: str, *, tenant: str = "", subject: str = "") -> bytes:
        return context.encode() + b"\0" + plain

    def unseal(self, sealed: bytes, context: str) -> bytes:
        if not sealed.startswith(context.encode() + b"\0"):
            raise StoreError("another context")
        return sealed.partition(b"\0")[2]

    def stamp(self, text: bytes) -> bytes:
        return text


def answered(number: int = 1, **fields: Any) -> Receipt:
    return receipt(number, **{"served": "small", "plan": PLAN, **fields})


def scoring(*receipts: Receipt) -> tuple[Scoring, ListedScores]:
    scores = ListedScores()
    return Scoring(ListedStore(*receipts), scores, PlainSealer(), Forgetting(half_life_s=7 * DAY_S)), scores


def test_a_score_is_of_who_answered_on_the_receipts_route_in_its_class() -> None:
    mine = answered(facts=(Fact(name="text.code", value=True), Fact(name="task.name", value="math")))
    desk, scores = scoring(mine)
    score = desk.scored(Offered(receipt=mine.id, score=0.25, note="half right"), ALICE, NOW_NS)
    desk.keep(score)

    assert (score.deployment, score.route, score.task, score.tenant) == ("small", "auto", "math", "acme")
    assert (score.source, score.score, score.at_ns, score.by) == ("feedback", 0.25, NOW_NS, "alice")
    assert scores.kept == [score]
    (told,) = desk.of(mine.id, ALICE)
    assert (told.note, told.at) == ("half right", "2001-09-09T01:46:40Z")


@pytest.mark.parametrize("facts", [(), (Fact(name="task.name", value=None),)], ids=["not asked for", "unknown"])
def test_a_class_that_is_not_known_is_none(facts: tuple[Fact, ...]) -> None:
    desk, _ = scoring(answered(facts=facts))

    assert desk.scored(Offered(receipt=answered().id, score=1), ALICE, NOW_NS).task == ""


@pytest.mark.parametrize(("who", "by"), [(ALICE, "alice"), (BOB, "bob"), (ROOT, "ops/root")])
def test_keys_of_the_tenant_and_admins_may_score(who: Principal, by: str) -> None:
    desk, _ = scoring(answered())

    assert desk.scored(Offered(receipt=answered().id, score=1), who, NOW_NS).by == by


@pytest.mark.parametrize(
    ("mine", "who"),
    [(answered(), STRANGER), (answered(2), ALICE), (answered(principal=None), ROOT)],
    ids=["another tenant's", "not there", "nobody's"],
)
def test_other_receipts_are_not_told_of(mine: Receipt, who: Principal) -> None:
    desk, _ = scoring(mine)
    asked = answered(1).id

    with pytest.raises(NotFound, match="no receipt"):
        desk.scored(Offered(receipt=asked, score=1), who, NOW_NS)
    with pytest.raises(NotFound, match="no receipt"):
        desk.of(asked, who)


@pytest.mark.parametrize("fields", [{"served": ""}, {"plan": None}], ids=["nobody answered", "no plan"])
def test_where_no_answer_went_out_there_is_nothing_to_score(fields: dict[str, Any]) -> None:
    desk, _ = scoring(answered(outcome="refused", **fields))

    with pytest.raises(BadRequest, match="nothing to score") as raised:
        desk.scored(Offered(receipt=answered().id, score=1), ALICE, NOW_NS)
    assert raised.value.param == "receipt"


def test_a_note_that_cannot_be_opened_is_left_out() -> None:
    desk, scores = scoring(answered())
    scores.put([desk.scored(Offered(receipt=answered().id, score=1, note="n"), ALICE, NOW_NS)])
    elsewhere = Score(**{name: getattr(scores.kept[0], name) for name in Score.__struct_fields__} | {"tenant": "x"})

    assert desk.told(scores.kept[0]).note == "n"
    assert desk.told(elsewhere).note == ""


def test_a_key_sees_its_tenants_quality_and_an_admin_everybodys_or_one_tenants() -> None:
    desk, scores = scoring()
    for tenant, total in (("", 3.0), ("acme", 1.0)):
        scores.sums[tenant] = [
            Tally(deployment="small", route="auto", task="", source="feedback", at_ns=NOW_NS, count=4, total=total)
        ]

    def mean(who: Principal, tenant: str = "") -> float | None:
        found = desk.qualities(who, tenant, NOW_NS)
        assert found.half_life_days == 7
        return found.data[0].mean if found.data else None

    assert (mean(ROOT), mean(ROOT, "acme"), mean(ROOT, "globex")) == (0.75, 0.25, None)
    assert (mean(ALICE), mean(ALICE, "acme"), mean(STRANGER)) == (0.25, 0.25, None)
    with pytest.raises(NotAllowed, match="admin key"):
        mean(STRANGER, "acme")
