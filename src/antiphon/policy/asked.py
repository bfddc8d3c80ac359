"""What is asked of policies: the circumstances of a request, and what it is about beside deployments."""

from typing import Literal

from msgspec import Struct

from antiphon.core.data_class import DataClass
from antiphon.core.signal import Value

Action = Literal["call_model", "use_tool", "read_collection", "administer", "approve"]
ACTIONS: tuple[Action, ...] = ("call_model", "use_tool", "read_collection", "administer", "approve")
OtherAction = Literal["use_tool", "read_collection", "administer", "approve"]
Budget = Literal["ok", "low", "spent"]
NONE: frozenset[str] = frozenset()


class Context(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The circumstances of a request, as policies read them in `context`."""

    data_class: DataClass = "public"
    """Policies have its rank too, as `data_class_rank`: 0 for `public` to 3 for `restricted`."""
    model: str = ""
    """The public name that was asked for."""
    route: str = ""
    recipe: str = ""
    operation: str = "chat"
    """Such as `chat`, `embeddings`, `images`, `speech`."""
    modalities: frozenset[str] = NONE
    """Of what is sent: `text`, `image`, `audio`, `file`."""
    tools: frozenset[str] = NONE
    """Names of the tools that the request brings."""
    purpose: str = ""
    """What the caller says that it is for."""
    findings: frozenset[str] = NONE
    """Kinds of what guards found, such as `email` or `secret`."""
    injection: int = 0
    """How likely an injection is: 0 to 100."""
    tainted: bool = False
    """Something that nobody who may instruct a model wrote has come into the session."""
    session: bool = False
    """The request belongs to a session."""
    hour: int = 0
    """UTC, 0 to 23."""
    weekday: int = 1
    """UTC, 1 for Monday to 7 for Sunday."""
    budget: Budget = "ok"
    """How the caller's budgets stand: the worst of them."""
    facts: frozenset[str] = NONE
    """Facts of the request as `NAME:VALUE`, such as `language:de` or `task:code`."""
    lot: str = ""
    """What shares (`@share`) are drawn by: the session's id; empty: the tenant and the key. Policies don't read it."""


def circumstances(context: Context) -> dict[str, Value]:
    """What of a context is kept with a receipt, as it stands nowhere else in it; what is empty is left out."""
    out: dict[str, Value] = {}
    if context.purpose:
        out["purpose"] = context.purpose
    if context.recipe:
        out["recipe"] = context.recipe
    if context.tools:
        out["tools"] = tuple(sorted(context.tools))
    if context.facts:
        out["facts"] = tuple(sorted(context.facts))
    if context.tainted:
        out["tainted"] = True
    if context.budget != "ok":
        out["budget"] = context.budget
    return out


class Resource(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a request is about, where that is no deployment."""

    kind: Literal["Tool", "Collection", "Control"]
    """For `use_tool`, `read_collection`, and both of `administer` and `approve`."""
    name: str
    effects: frozenset[str] = NONE
    """Of a tool: what it does, in the operator's words, such as `read`, `write` or `egress`."""
    data_class: DataClass = "public"
    """Of a collection; its rank is `data_class_rank`."""
    department: str = ""
    """Of a collection."""
