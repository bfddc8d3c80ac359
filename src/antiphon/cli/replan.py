"""`antiphon receipt replan`."""

import asyncio
from argparse import Namespace

import msgspec

from antiphon.app.offline import planner
from antiphon.cli import plan_page, receipt, text
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, records_of
from antiphon.cli.exits import Exit
from antiphon.cli.http import address
from antiphon.cli.terminal import bold, document, put
from antiphon.config.load import Loaded
from antiphon.control.replan import replan
from antiphon.core.error import AntiphonError
from antiphon.core.plan import Plan
from antiphon.core.receipt import Receipt


def run(arguments: Namespace) -> int:
    """Decide a receipt's request again. Exits with 1 when the plan is another."""
    loaded = configured(arguments)
    if arguments.url:
        kept = asyncio.run(receipt.fetched(address(arguments), arguments.id))
    else:
        kept = receipt.found(places_of(loaded.settings), records_of(loaded.settings), arguments.id)
    made = asyncio.run(_again(kept, loaded))
    same = isinstance(made, Plan) and kept.plan is not None and made.digest() == kept.plan.digest()
    if arguments.json:
        document(
            {
                "receipt": kept.id,
                "revision": {"then": kept.revision, "now": loaded.revision.id},
                "same": same,
                "then": None if kept.plan is None else {"hash": kept.plan.digest(), **msgspec.to_builtins(kept.plan)},
                "now": {"hash": made.digest(), **msgspec.to_builtins(made)} if isinstance(made, Plan) else None,
                "refused": "" if isinstance(made, Plan) else made.said_code,
            }
        )
    else:
        put("\n".join(_page(kept, made, loaded.revision.id, same=same)))
    return Exit.OK if same else Exit.FAILED


async def _again(kept: Receipt, loaded: Loaded) -> Plan | AntiphonError:
    made = planner(loaded)
    try:
        return replan(kept, made.revision, made.decisions)
    except AntiphonError as error:
        return error


def _page(kept: Receipt, made: Plan | AntiphonError, revision: str, *, same: bool) -> list[str]:
    then = kept.plan
    rows = [("revision", f"{kept.revision}, now {revision}" if revision != kept.revision else revision)]
    if then is not None:
        rows.append(("then", f"{_named(then)}, hash {then.digest()}"))
    if isinstance(made, Plan):
        rows.append(("now", "the same plan" if same else f"{_named(made)}, hash {made.digest()}"))
    else:
        rows.append(("now", f"refused: {made.said_code}: {made.message}"))
    lines = [bold(f"Receipt {kept.id}, decided again"), *text.pairs(rows)]
    if isinstance(made, Plan) and not same:
        for title, plan in (("Then", then), ("Now", made)):
            if plan is not None:
                steps = [*plan_page.step_lines(plan), *plan_page.candidate_lines(plan, ())]
                lines += ["", bold(title), *text.indented(steps)]
    return lines


def _named(plan: Plan) -> str:
    rule = f" by rule {plan.rule}" if plan.rule else ""
    named = f" {plan.named}" if plan.named else ""
    return f"{plan.recipe}{named} on route {plan.route}{rule}"
