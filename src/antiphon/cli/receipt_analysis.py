"""What was predicted of a request, beside what came."""

from antiphon.cli import plan_page, text
from antiphon.cli.terminal import bold
from antiphon.core.plan import Grounds, Predicted
from antiphon.core.receipt import Receipt


def analysis(receipt: Receipt) -> list[str]:
    """Lines behind a receipt's page."""
    grounds = receipt.grounds or Grounds()
    plan = receipt.plan
    lines = ["", bold("Predicted and actual"), *text.indented(_compared(receipt, grounds))]
    if receipt.facts or grounds.tried:
        rule = "" if plan is None else plan.rule
        lines += ["", bold("Rules"), *text.indented(plan_page.tried_lines(grounds.tried, rule))]
    if plan is not None:
        candidates = plan_page.candidate_lines(plan, grounds.predicted)
        lines += ["", bold("Candidates"), *text.indented(candidates)]
        lines += ["", bold("Steps"), *text.indented(_steps(receipt))]
    seen = plan_page.seen_lines(grounds.seen)
    return lines + (["", bold("Seen"), *text.indented(seen)] if seen else [])


def _compared(receipt: Receipt, grounds: Grounds) -> list[str]:
    """The answer's deployment: what was expected of it, and what it did."""
    one = next((it for it in grounds.predicted if it.deployment == receipt.served), Predicted())
    total_s = receipt.duration_us / 1e6 if receipt.duration_us else None
    first_s = None if receipt.first_token_us is None else receipt.first_token_us / 1e6
    spent = receipt.spent_nano_usd if receipt.spent_nano_usd is not None else receipt.cost_nano_usd
    rows = [
        ("cost of the answer", plan_page.cost(one), _dollars(receipt.cost_nano_usd)),
        ("cost of all attempts", "", _dollars(spent)),
        ("first token", _s(one.first_token_s), _s(first_s)),
        ("total", _s(one.total_s), _s(total_s)),
        ("quality", plan_page.quality(one), _found(receipt)),
    ]
    return text.table(rows, ("", "predicted", "actual"))


def _found(receipt: Receipt) -> str:
    """How good the served deployment's answers were found to be while the recipe ran."""
    scores = [f"{it.score:.2f} by the {it.source}" for it in receipt.rated if it.deployment == receipt.served]
    return ", ".join(scores) or "told by feedback, contracts and judges"


def _steps(receipt: Receipt) -> list[str]:
    """Each step of the plan, and the attempts that were made for it."""
    plan = receipt.plan
    if plan is None:
        return []
    rows: list[tuple[str, str, str, str]] = []
    for step in plan.steps:
        made = [one for one in receipt.attempts if (one.step.partition("#")[0] or plan.steps[0].name) == step.name]
        costs = [one.cost_nano_usd for one in made if one.cost_nano_usd is not None]
        ends = [one.started_us + (one.timings.last_byte_us or 0) for one in made]
        took = f"{text.micros(min(one.started_us for one in made))} to {text.micros(max(ends))}" if made else ""
        rows.append(
            (
                step.name,
                text.counted(len(made), "attempt") if made else "not made",
                text.dollars(sum(costs)) if costs else "",
                took,
            )
        )
    return text.table(rows)


def _dollars(nano_usd: int | None) -> str:
    return "unknown" if nano_usd is None else text.dollars(nano_usd)


def _s(value_s: float | None) -> str:
    return "unknown" if value_s is None else text.seconds(value_s)
