"""`POST /v1/feedback`, `GET /v1/feedback` and `GET /v1/quality`."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from antiphon.control.scoring import Offered, Scoring
from antiphon.core.error import BadRequest, WrongMediaType
from antiphon.core.principal import Principal
from antiphon.core.score import Source
from antiphon.net.exchange import Exchange
from antiphon.server.openapi_shapes import MOST_NOTE
from antiphon.server.reply import JSON
from antiphon.wire.fields import missing, mistyped
from antiphon.wire.json import loads

FEEDBACK, QUALITY = b"/v1/feedback", b"/v1/quality"
FIELDS = ("receipt", "score", "good", "source", "note")
SOURCES: tuple[Source, ...] = ("feedback", "evaluation")
"""That callers may name: the others are the gateway's own."""
Answer = tuple[bytes, bytes]
"""Header lines and body."""


class Feedback(Struct, frozen=True, kw_only=True):
    """Answers what is asked about scores."""

    scoring: Scoring
    count: Callable[[str, str], None]
    """Counts a score that was taken: its source, the deployment that it is of."""

    async def take(self, exchange: Exchange, principal: Principal) -> Answer:
        """Take in a score. Raises: BadRequest, NotFound, StoreError."""
        offered = _offered(exchange)
        score = await asyncio.to_thread(self.scoring.scored, offered, principal, time.time_ns())
        self.scoring.keep(score)  # on the loop, as every write to the journal
        self.count(score.source, score.deployment)
        return JSON, msgspec.json.encode(self.scoring.told(score))

    async def listed(self, exchange: Exchange, principal: Principal) -> Answer:
        """Scores of an answer. Raises: BadRequest, NotFound, StoreError."""
        receipt = _query(exchange.query, "receipt")
        if not receipt:
            raise missing("receipt", "`?receipt=ID`, the id of a receipt")
        found = await asyncio.to_thread(self.scoring.of, receipt, principal)
        return JSON, msgspec.json.encode({"data": found})

    async def quality(self, exchange: Exchange, principal: Principal) -> Answer:
        """What scores come to. Raises: BadRequest, NotAllowed, StoreError."""
        tenant = _query(exchange.query, "tenant")
        found = await asyncio.to_thread(self.scoring.qualities, principal, tenant, time.time_ns())
        return JSON, msgspec.json.encode(found)


def _offered(exchange: Exchange) -> Offered:
    """Raises: BadRequest, naming the field."""
    kind = exchange.headers.get(b"content-type", b"").lower()
    if not kind.startswith(b"application/json"):
        raise WrongMediaType(
            f"the body must be application/json, not {kind.decode('latin-1') or 'of no stated type'!r}"
        )
    fields: dict[str, object] = loads(b"".join(exchange.body))
    strange = next((name for name in fields if name not in FIELDS), None)
    if strange is not None:
        raise BadRequest(f"a score has no {strange[:64]!r}; known: {', '.join(FIELDS)}", param=strange[:64])
    receipt, note = fields.get("receipt"), fields.get("note") or ""
    if receipt is None:
        raise missing("receipt", "the id of a receipt, as in the header x-antiphon-receipt")
    if not isinstance(receipt, str):
        raise mistyped("receipt", "the id of a receipt", receipt)
    if not isinstance(note, str):
        raise mistyped("note", "a text", note)
    if len(note) > MOST_NOTE:
        raise BadRequest(f"`note` has {len(note)} characters; send {MOST_NOTE} at most", param="note")
    return Offered(receipt=receipt, score=_score(fields), source=_source(fields), note=note)


def _source(fields: dict[str, object]) -> Source:
    """Raises: BadRequest."""
    asked = fields.get("source") or "feedback"
    for source in SOURCES:
        if source == asked:
            return source
    raise BadRequest(f"`source` is one of {', '.join(SOURCES)}", param="source")


def _score(fields: dict[str, object]) -> float:
    """0 to 1. Raises: BadRequest."""
    score, good = fields.get("score"), fields.get("good")
    if (score is None) == (good is None):
        raise BadRequest("send either `score`, a number from 0 to 1, or `good`, true or false", param="score")
    if good is not None:
        if not isinstance(good, bool):
            raise mistyped("good", "true or false", good)
        return float(good)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise mistyped("score", "a number from 0 to 1", score)
    return float(score)


def _query(query: bytes, name: str) -> str:
    """The one parameter of a query; empty: it is left out. Raises: BadRequest."""
    found = ""
    for said, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if said == name:
            found = value
        elif said != "key":  # a credential, in Gemini's way
            raise BadRequest(f"there is no parameter {said[:64]!r} here; known: {name}", param=said[:64])
    return found
