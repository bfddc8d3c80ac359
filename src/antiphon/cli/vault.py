"""`antiphon vault erase|hold|holds|lift|reveal|rotate`, by the admin API."""

from argparse import Namespace
from typing import cast
from urllib.parse import quote

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import clean, document, put, say

HOLDS = "/admin/v1/holds"


def run(arguments: Namespace) -> int:
    """Run the verb."""
    verbs = {"erase": _erase, "hold": _hold, "holds": _holds, "lift": _lift, "reveal": _reveal, "rotate": _rotate}
    return verbs[arguments.verb](office(arguments), arguments)


def _fields(arguments: Namespace) -> Json:
    fields: Json = {name: getattr(arguments, name) for name in ("tenant", "subject", "receipt", "session", "note")}
    return {name: value for name, value in {**fields, "everything": arguments.everything}.items() if value}


def _erase(there: Office, arguments: Namespace) -> int:
    done = there.ask("POST", "/admin/v1/erasures", _fields(arguments))
    if arguments.json:
        document(done)
        return Exit.OK
    keys, receipts = text.counted(done["keys"], "data key"), text.counted(done["receipts"], "receipt")
    runs = f", and {text.counted(done['runs'], 'run')} of agents dropped" if done["runs"] else ""
    put(f"{keys} destroyed, and the content of {receipts} taken away{runs}")
    if not done["keys"] and not done["receipts"] and not done["runs"]:
        say("Nothing was sealed for it: look at tenant and name; a subject is user/NAME, session/NAME or key/NAME.")
    if there.running:
        say("Every worker lets go of what it has in memory within about a second.")
    return Exit.OK


def _hold(there: Office, arguments: Namespace) -> int:
    done = there.ask("POST", HOLDS, _fields(arguments))
    return _said(arguments, done, f"the hold {done['id']} stands")


def _holds(there: Office, arguments: Namespace) -> int:
    query = "" if arguments.tenant is None else f"?tenant={quote(arguments.tenant, safe='')}"
    found = cast("list[Json]", there.ask("GET", f"{HOLDS}{query}")["data"])
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), ("ID", "TENANT", "ON", "BY", "NOTE"))))
    else:
        say("There are no holds.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    session = f"session/{one['session']}" if one["session"] else ""
    on = one["receipt"] or session or (f"subject {one['owner']}" if one["owner"] else "everything")
    return one["id"], clean(one["tenant"]), clean(on), clean(one["by"]), clean(one["note"])


def _lift(there: Office, arguments: Namespace) -> int:
    done = there.ask("DELETE", f"{HOLDS}/{quote(arguments.id, safe='')}")
    return _said(arguments, done, f"the hold {done['id']} is lifted")


def _reveal(there: Office, arguments: Namespace) -> int:
    asked: Json = {"tokens": arguments.tokens, **({} if arguments.tenant is None else {"tenant": arguments.tenant})}
    done = there.ask("POST", "/admin/v1/tokens/reveal", asked)
    values = cast("dict[str, str]", done["values"])
    if arguments.json:
        document(done)
        return Exit.OK
    for token in arguments.tokens:
        put(f"{token}: {clean(values[token])}" if token in values else f"{token}: unknown, lapsed or erased")
    return Exit.OK


def _rotate(there: Office, arguments: Namespace) -> int:
    done = there.ask("POST", "/admin/v1/vault/rotations", {})
    left = cast("list[Json]", done["left"])
    if arguments.json:
        document(done)
    else:
        put(f"{text.counted(done['rewrapped'], 'tenant key')} wrapped by {done['wrapper']}")
        for one in left:
            put(clean(f"left: {one['tenant'] or '(none)'}: {one['why']}"))
    return Exit.FAILED if left else Exit.OK


def _said(arguments: Namespace, done: Json, line: str) -> int:
    if arguments.json:
        document(done)
    else:
        put(line)
    return Exit.OK
