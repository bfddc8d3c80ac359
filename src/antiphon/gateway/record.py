"""Settle and record: the end of every request, before its last byte is released."""

import logging
from collections.abc import Callable

import msgspec

from antiphon.calls.story import Story
from antiphon.core.error import AntiphonError
from antiphon.core.receipt import Outcome, Told
from antiphon.gateway.house import Process, Revision
from antiphon.telemetry import requests

log = logging.getLogger("antiphon.gateway")
DAY_NS = 86_400 * 10**9


def close(
    story: Story,
    process: Process,
    revision: Revision,
    outcome: Outcome,
    status: int,
    error: AntiphonError | None,
    release: Callable[[], None] | None = None,
    *,
    owed: bool = False,
) -> None:
    """Settle what is open, and write the receipt; the first call counts, and only that.

    Args:
        release: Lets the answer's end go, once the receipt is written; what only counts comes behind it.
        owed: The journal can't be written now; it writes this receipt as soon as it can.
    Raises: StoreError, when it can't be written; the story is then still open.
    """
    for attempt in story.attempts:
        if not attempt.settled:
            process.caller.settle(attempt, None)
    if revision.capture_most_bytes and not (story.closed or owed or story.captured or story.unseen):
        _capture(story, process, revision.capture_most_bytes)
    if story.closed:
        return
    told = story.told(outcome, status, error)
    if owed:
        process.journal.owe(told, story.tail)
    else:
        process.journal.closed(told, story.tail)
    story.closed = True
    if story.counted is not None:
        story.counted.end()
    if release is not None:
        release()
    try:
        _tell(told, story, process, revision)
    except Exception:  # the record stands: what counts and traces must not cost the caller the answer
        log.exception("telemetry.failed", extra={"receipt": told.id})


def _tell(told: Told, story: Story, process: Process, revision: Revision) -> None:
    """Count, trace and log a request that has ended."""
    process.metrics.finished(told, story.plan.route if story.plan else "", story.plan)
    if story.span is not None and story.span.sampled and revision.tracer is not None:
        came = story.request.trace if story.request is not None else story.came
        revision.tracer.finished(story.receipt(told), story.span, came)
    if requests.wanted(revision.log_requests, told.outcome):
        requests.finished(story.receipt(told))


def _capture(story: Story, process: Process, most: int) -> None:
    """Keep the request, and what was released of its answer, beside the receipt, sealed. Raises: StoreError."""
    request = story.request
    if request is None:
        return
    asked, answer = request.body.slice(0, most), bytes(story.answer)
    cut = len(asked) < request.body.size_bytes or len(answer) > most
    plain = msgspec.msgpack.encode({"request": asked, "answer": answer[:most], "cut": cut})
    who, days = story.principal, story.allowed.obligations.retention_days
    subject, context = who.subject(request.head.user, request.lineage.session), f"{who.tenant}/{story.arrival.id}"
    sealed = process.sealer.seal(plain, context, tenant=who.tenant, subject=subject)
    until_ns = 0 if days is None else story.arrival.at_ns + days * DAY_NS
    process.journal.captured(story.arrival.id, who.tenant, sealed, until_ns=until_ns)
    story.captured = True
