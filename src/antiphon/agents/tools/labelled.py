"""Tools as their documents say them: what the operator says counts, then what the source is, then what can be worked out."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from antiphon.agents.documents.document import Document
from antiphon.agents.tools.grip import Handling
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.toolbox import named
from antiphon.core.money import NANO_PER_USD
from antiphon.core.tool import Tool, pinned

Labels = Callable[[Tool, frozenset[str]], Tool]
"""Fills labels in that nobody said. Given: those that were said."""
STATED = ("destructive", "sends", "private", "untrusted", "risky")
MOST_DESCRIPTION = 4096


def tool_name(document: str, part: str = "") -> str:
    """A document's tool, or `NAME__PART` of one with several. Raises: BadRequest."""
    own = document.replace(".", "_")
    return named(f"{own}__{part}" if part else own)


def tool_of(
    document: Document,
    part: str,
    description: str,
    parameters: dict[str, Any],
    known: Mapping[str, Any],
    labels: Labels,
) -> Tool:
    """A tool of a document.

    Args:
        known: Fields that the source says, labels among them.
    Raises: BadRequest, for a name that no tool can have.
    """
    spec: ToolSpec = document.spec
    name = tool_name(document.name, part)
    stated: dict[str, Any] = {one: getattr(spec, one) for one in STATED if getattr(spec, one) is not UNSET}
    if spec.effect is not None:
        stated["effect"] = spec.effect
    if "risky" in stated:
        stated["risky"] = tuple(stated["risky"])
    said = (spec.description if spec.description and not part else description)[:MOST_DESCRIPTION]
    fields: dict[str, Any] = {
        "result": spec.result,
        "confirm": spec.confirm,
        "data_class": spec.data_class,
        "takes": spec.takes,
        "timeout_s": spec.timeout_s,
        "most_result_bytes": spec.most_result_bytes,
        "cost_nano_usd": int(Decimal(str(spec.cost_usd)) * NANO_PER_USD),
        "cache_s": spec.cache_s,
        "simulated": spec.simulated is not None,
        **known,
        **stated,
    }
    version = pinned(name, said, parameters)
    tool = Tool(name=name, description=said, parameters=parameters, version=version, **fields)
    return labels(tool, frozenset(known) | frozenset(stated))


def handling(document: Document) -> Handling:
    """How a document's tools are called."""
    spec: ToolSpec = document.spec
    return Handling(
        retries=spec.retries,
        concurrency=spec.concurrency,
        breaker=spec.breaker,
        tenant=document.metadata.tenant,
        gateway=spec.gateway,
    )
