"""Whether two equal requests would get the same answer."""

import msgspec

from antiphon.core.request import Request
from antiphon.wire.places import named


def deterministic(request: Request, names: tuple[str, ...]) -> bool:
    """Whether a request leaves nothing to chance: `temperature` or `top_p` is 0, or a `seed` is given.

    Args:
        names: Those of the three that its dialect has at the top of a body; none: it can't be told.
    """
    if not names:
        return False
    fields = named(request, names)
    try:
        values = {
            name: msgspec.json.decode(request.body.slice(fields[name].start, fields[name].end))
            for name in names
            if name in fields
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False  # of a long body these were not read before
    return values.get("temperature") == 0 or values.get("top_p") == 0 or isinstance(values.get("seed"), int)
