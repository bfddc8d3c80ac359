"""The table of the console's paths."""

from collections.abc import Callable
from urllib.parse import unquote

from msgspec import Struct

from antiphon.console import agents, approvals, pages
from antiphon.console.ask import Ask
from antiphon.console.desk import Desk
from antiphon.console.shown import Led, Shown
from antiphon.core.error import NotFound, WrongMethod

HOME = "/console/receipts"
SIGN_IN = "/console/sign-in"
SIGN_OUT = "/console/sign-out"
LONGEST_PART = 256
Act = Callable[[Desk, Ask], Shown | Led]


class Route(Struct, frozen=True, kw_only=True):
    """One path and method."""

    path: str
    act: Act
    """Blocks on the store."""
    method: str = "GET"
    place: str = ""
    """The part of the console that it is in, as the navigation has it."""


ROUTES: tuple[Route, ...] = (
    Route(path="/console/receipts", act=pages.receipts, place="receipts"),
    Route(path="/console/receipts/{id}", act=pages.receipt, place="receipts"),
    Route(path="/console/receipts/{id}/content", method="POST", act=pages.content, place="receipts"),
    Route(path="/console/spend", act=pages.spend, place="spend"),
    Route(path="/console/deployments", act=pages.deployments, place="deployments"),
    Route(path="/console/approvals", act=approvals.listed, place="approvals"),
    Route(path="/console/approvals/{id}", act=approvals.one, place="approvals"),
    Route(path="/console/approvals/{id}", method="POST", act=approvals.vote, place="approvals"),
    Route(path="/console/agents", act=agents.agents, place="agents"),
    Route(path="/console/runs", act=agents.runs, place="runs"),
    Route(path="/console/runs/{id}", act=agents.run, place="runs"),
    Route(path="/console/runs/{id}", method="POST", act=agents.tell, place="runs"),
    Route(path="/console/inbox", act=agents.inbox, place="inbox"),
    Route(path="/console/policies", act=pages.policies, place="policies"),
    Route(path="/console/audit", act=pages.audit, place="audit"),
)


def find(asked: bytes, path: bytes) -> tuple[Route, tuple[str, ...]]:
    """Who answers a method on a path, and the names in the path. Raises: NotFound, WrongMethod."""
    parts = path.split(b"/")
    found: dict[bytes, tuple[Route, tuple[str, ...]]] = {}
    for route in ROUTES:
        names = _names(route, parts)
        if names is not None:
            found[route.method.encode()] = (route, names)
    method = b"GET" if asked == b"HEAD" else asked
    if method in found:
        return found[method]
    shown = path[:LONGEST_PART].decode("latin-1")
    if found:
        allow = ", ".join(sorted(one.decode() for one in found))
        raise WrongMethod(f"{shown} takes {allow} only", allow=allow)
    raise NotFound(f"the console has no page {shown}")


def _names(route: Route, parts: list[bytes]) -> tuple[str, ...] | None:
    """What stands for the placeholders of a route's path; None: it is another path, or has a NUL, as no name does."""
    wanted = route.path.encode().split(b"/")
    if len(wanted) != len(parts):
        return None
    names: list[str] = []
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith(b"{") and part:
            names.append(unquote(part[:LONGEST_PART].decode("latin-1")))
        elif want != part:
            return None
    return None if any("\0" in name for name in names) else tuple(names)
