"""What comes with a goal and was written by others: kept behind handles, so that the plan is made before it is read."""

from typing import Any, cast

from antiphon.agents.documents.taking import UNTRUSTED
from antiphon.agents.loop.context import spelled
from antiphon.agents.state import Value
from antiphon.core.run import Run
from antiphon.core.tool import Origins

_SHOWN = "(written by others: read it by its handle, {name})"


def strange(inputs: dict[str, Any], run: Run) -> dict[str, Value]:
    """Take what is untrusted out of a run's inputs, and leave handles in its place.

    Returns: values by handle, which are the fields' names.
    """
    given = inputs.pop(UNTRUSTED, None)
    if given is None:
        return {}
    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {UNTRUSTED: given}
    origins = Origins(
        sources=(f"trigger/{run.trigger}" if run.trigger else "caller",), untrusted=True, data_class=run.data_class
    )
    values = {
        name: Value(text=spelled(one), data=one, origins=origins, about="came with the goal")
        for name, one in fields.items()
    }
    inputs.update({name: _SHOWN.format(name=name) for name in values})
    return values
