"""Plans as lines of text."""

from receipts import receipt

from antiphon.cli.plan_page import candidate_lines, fact_lines
from antiphon.cli.receipt_analysis import analysis
from antiphon.cli.receipt_page import page
from antiphon.core.plan import Candidate, Envelope, Fallback, Plan, Predicted, Step
from antiphon.core.receipt import Rated
from antiphon.core.signal import Fact

ENVELOPE = Envelope(attempts=2, seconds=30)
BEHIND = Plan(
    recipe="single",
    route="auto",
    steps=(
        Step(
            name="answer",
            deployments=("quick",),
            envelope=ENVELOPE,
            fallbacks=(Fallback(on="any", deployments=("grand",)), Fallback(on="any", deployments=("elsewhere",))),
        ),
    ),
    candidates=(Candidate(deployment="dear", lost="likely cost above 0.001 US dollars"), Candidate(deployment="quick")),
)


def test_those_who_come_after_the_first_are_told_with_what_is_expected_of_them() -> None:
    predicted = [Predicted(deployment=name, cost_nano_usd=cost) for name, cost in (("grand", 5000), ("quick", 100))]

    lines = candidate_lines(BEHIND, predicted)

    assert [line.split("  ")[0].strip() for line in lines[1:]] == ["dear", "quick", "grand"]
    assert "likely cost above 0.001 US dollars" in lines[1]
    assert "may answer" in lines[2]
    assert "$0.0000001" in lines[2]
    assert "stands in" in lines[3]
    assert "$0.000005" in lines[3]


def test_a_number_is_told_without_the_digits_that_a_sum_of_floats_leaves() -> None:
    assert "0.8 " in fact_lines([Fact(name="score.risk", value=0.1 + 0.7)])[0]


def test_what_was_found_of_the_answer_stands_beside_what_was_predicted() -> None:
    rated = (
        Rated(step="answer", deployment="quick", source="judge", score=0.75),
        Rated(step="other", deployment="grand", source="judge", score=0.1),
    )

    lines = analysis(receipt(1, plan=BEHIND, served="quick", rated=rated))

    (quality,) = [line for line in lines if line.strip().startswith("quality")]
    assert quality.split() == ["quality", "unknown", "0.75", "by", "the", "judge"]


def test_a_receipt_tells_what_all_steps_together_might_use() -> None:
    plan = Plan(
        recipe="vote",
        route="auto",
        steps=BEHIND.steps,
        candidates=BEHIND.candidates,
        envelope=Envelope(attempts=2, seconds=90, calls=6, concurrency=3),
    )

    assert "  all together: 6 calls, 3 at once, 2 attempts each, 90 s" in page(receipt(1, plan=plan))
