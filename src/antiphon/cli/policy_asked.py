"""A request as the command line describes it, asked of policies."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import Action
from antiphon.policy.cases import About, Of, Who
from antiphon.policy.policies import Policies

_PARTS = ("principal", "context", "resource")
_SEVERAL = frozenset(("roles", "tags", "models", "modalities", "tools", "findings", "facts", "effects"))


def verdict(policies: Policies, action: Action, said: Sequence[str], fleet: Mapping[str, Deployment]) -> Verdict:
    """What policies say of it. Raises: BadRequest, naming what can't be read."""
    parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    for one in said:
        name, equals, value = one.partition("=")
        part, dot, field = name.partition(".")
        if not equals or not dot or part not in _PARTS:
            raise BadRequest(f"{one!r}: write it like principal.team=legal, context.hour=9 or resource.name=mail")
        parts[part][field] = [word for word in value.split(",") if word] if field in _SEVERAL else value
    try:
        who = msgspec.convert(parts["principal"], Who, strict=False)
        about = msgspec.convert(parts["context"], About, strict=False)
        of = msgspec.convert(parts["resource"], Of, strict=False) if parts["resource"] else None
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error}; `antiphon policy schema` prints what there is") from error
    principal = Principal(**{name: getattr(who, name) for name in who.__struct_fields__})
    if action == "call_model":
        return policies.verdict(principal, about, fleet)
    if of is None:
        raise BadRequest(f"{action} is about something: write resource.kind=… and resource.name=…")
    return policies.may(principal, cast("Any", action), of, about)
