"""The log line of a request that has ended."""

import logging

from antiphon.core.arrival import PROBE
from antiphon.core.receipt import Receipt

log = logging.getLogger("antiphon.gateway")
WELL = frozenset({"ok", "client_gone"})
"""Outcomes that nobody has to look into."""


def wanted(which: str, outcome: str) -> bool:
    """Whether it gets a line, where lines are written of `all`, `errors` or `none`."""
    return which == "all" or (which == "errors" and outcome not in WELL)


def finished(receipt: Receipt) -> None:
    """Write it."""
    fields = {
        "receipt": receipt.id,
        "trace": receipt.trace_id,
        "outcome": receipt.outcome,
        "status": receipt.status,
        "error": receipt.error,
        "model": receipt.asked,
        "deployment": receipt.attempts[-1].deployment if receipt.attempts else "",
        "duration_us": receipt.duration_us,
    }
    if receipt.endpoint == PROBE:
        log.info("probe.finished", extra=fields)
    elif receipt.outcome in WELL:
        log.info("request.finished", extra=fields)
    else:
        log.warning("request.failed", extra=fields)
