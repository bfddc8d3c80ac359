"""Which callers a policy with a share is for."""

from zlib import crc32

from antiphon.core.principal import Principal
from antiphon.policy.asked import Context

_WHOLE = 1 << 32


def draw(principal: Principal, context: Context) -> float:
    """0 to below 1, the same for the same session of a tenant, or key where there is none.

    All shares are drawn alike: whoever is among the first tenth is among the first half too.
    """
    return crc32(f"{principal.tenant}\0{context.lot or f'key/{principal.key}'}".encode()) / _WHOLE
