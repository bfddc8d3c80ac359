"""The pages that show how things are."""

from contextlib import closing
from urllib.parse import urlencode

from antiphon.console.ask import Ask
from antiphon.console.desk import Desk
from antiphon.console.shown import Shown
from antiphon.control import audit_board, budget_board, deployment_board, policy_board, recent, spend_board
from antiphon.control.content_view import content_of, receipt_of
from antiphon.control.waterfall import waterfall
from antiphon.core.error import Erased, NotFound

SPEND_S = 20.0
"""For each of the questions that the page of spend asks."""
TIMES = ("1h", "24h", "7d", "30d")


def receipts(desk: Desk, ask: Ask) -> Shown:
    """What was asked of late."""
    query = ask.query
    asked = recent.Asked(
        tenant=query.get("tenant", "").strip(),
        model=query.get("model", "").strip(),
        outcome=query.get("outcome", ""),
        since=query.get("since", ""),
        until=query.get("until", "").strip(),
        before=query.get("before", ""),
    )
    now_ns = desk.clock.now_ns()
    found = recent.listed(desk.records.between, asked, ask.sight, now_ns, desk.rows)
    kept = {name: getattr(asked, name) for name in ("tenant", "model", "outcome", "since", "until")}
    filters = urlencode({name: value for name, value in kept.items() if value})
    live = not (asked.before or asked.until) and query.get("live") != "off"
    values = {
        "asked": asked,
        "found": found,
        "filters": filters,
        "live": live,
        "pausable": not (asked.before or asked.until),
        "times": TIMES,
        "usual_since": recent.USUAL_SINCE,
        "outcomes": recent.OUTCOMES,
        "now_ns": now_ns,
    }
    return Shown(template="receipts_found.html" if ask.fragment else "receipts.html", values=values)


def receipt(desk: Desk, ask: Ask) -> Shown:
    """One of them, whole."""
    found = receipt_of(desk.records, ask.names[0], ask.sight)
    predicted = () if found.grounds is None else found.grounds.predicted
    values = {
        "receipt": found,
        "fall": waterfall(found),
        "predicted": {one.deployment: one for one in predicted},
        "content": None,
        "content_error": "",
        "now_ns": desk.clock.now_ns(),
    }
    return Shown(template="receipt.html", values=values)


def content(desk: Desk, ask: Ask) -> Shown:
    """The same with what was said."""
    shown = receipt(desk, ask)
    found, now_ns = shown.values["receipt"], shown.values["now_ns"]
    try:
        captured = content_of(desk.content, desk.audit, found, ask.sight, now_ns)
    except (NotFound, Erased) as error:
        return Shown(template=shown.template, values={**shown.values, "content_error": error.message})
    return Shown(template=shown.template, values={**shown.values, "content": captured})


def spend(desk: Desk, ask: Ask) -> Shown:
    """What it cost, and how budgets stand."""
    now_ns = desk.clock.now_ns()
    time, tenant = ask.query.get("time", "") or spend_board.USUAL, ask.query.get("tenant", "").strip()
    board = spend_board.board(desk.spending, time, tenant, ask.sight, now_ns, SPEND_S)
    with closing(desk.bank()) as bank:
        budgets = budget_board.board(desk.budgets(), bank, ask.sight, now_ns)
    chart = {
        "unit": board.unit,
        "points": [
            (at_s, sums.cost_nano_usd, sums.requests, sums.input_tokens, sums.output_tokens)
            for at_s, sums in board.points
        ],
    }
    values = {
        "board": board,
        "budgets": budgets,
        "chart": chart,
        "times": spend_board.TIMES,
        "tenant": tenant,
        "now_ns": now_ns,
    }
    return Shown(template="spend.html", values=values)


def deployments(desk: Desk, ask: Ask) -> Shown:
    """How they are."""
    now_ns = desk.clock.now_ns()
    board = deployment_board.board(desk.placed, desk.metrics, desk.records.between, ask.sight, now_ns)
    template = "deployments_found.html" if ask.fragment else "deployments.html"
    return Shown(
        template=template,
        values={"board": board, "minutes": deployment_board.LOOK_BACK_S // 60, "live": True, "now_ns": now_ns},
    )


def policies(desk: Desk, ask: Ask) -> Shown:
    """What is in force."""
    return Shown(template="policies.html", values={"board": policy_board.board(desk.in_force, ask.sight)})


def audit(desk: Desk, ask: Ask) -> Shown:
    """How far the audit log has come."""
    board = audit_board.board(desk.audit, ask.query.get("tenant"), ask.sight)
    return Shown(template="audit.html", values={"board": board, "now_ns": desk.clock.now_ns()})
