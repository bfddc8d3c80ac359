"""Whether two equal requests would get the same answer."""

import msgspec

from antiphon.core.request import Request
from antiphon.wire.openai_chat.head import named

_NAMES = ("temperature", "seed", "top_p")


def deterministic(request: Request) -> bool:
    """Whether a request leaves nothing to chance: `temperature` or `top_p` is 0, or a `seed` is given."""
    fields = named(request, _NAMES)
    values = {
        name: msgspec.json.decode(request.body.slice(fields[name].start, fields[name].end))
        for name in _NAMES
        if name in fields
    }
    return values.get("temperature") == 0 or values.get("top_p") == 0 or isinstance(values.get("seed"), int)
