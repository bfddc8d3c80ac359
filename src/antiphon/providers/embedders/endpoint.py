"""Vectors from a server that speaks OpenAI's Embeddings.

Source: platform.openai.com/docs/api-reference/embeddings, 2026-11. Vectors are asked for in base64 (little-endian
float32), a sixth of the work of reading numbers; a server that sends numbers all the same is understood.
"""

import math
import sys
from array import array
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Sequence
from typing import final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.embedding import Embedder, Embedding, sound
from antiphon.core.error import StaleConnection, UpstreamMalformed, UpstreamUnreachable
from antiphon.core.ports import Inbound, Origin, Outbound, Transport
from antiphon.net.dial import proxy_authorization
from antiphon.providers.embedders.settings import EndpointSettings
from antiphon.providers.failure import failure
from antiphon.wire.openai_embeddings.codec import OpenAIEmbeddings

MAX_NUMBER_BYTES = 32
"""Of one number of a vector, written out."""
MAX_REST_BYTES = 65_536
"""Of an answer beside its vectors, and of an error's body."""
SPOKEN = OpenAIEmbeddings()
NEAR_ONE = 1e-3
"""A vector whose length is off by less is taken as it came."""


class _Item(Struct, frozen=True):
    embedding: str | list[float]
    index: int


class _Answer(Struct, frozen=True):
    data: list[_Item]


class _Asked(Struct, frozen=True, omit_defaults=True):
    model: str
    input: Sequence[str]
    encoding_format: str
    dimensions: int | None = None


@final
class EndpointEmbedder(Embedder):
    """Sends texts in batches, one after the other."""

    def __init__(self, settings: EndpointSettings, transport: Transport) -> None:
        self.name = f"{settings.model}@{settings.version}" if settings.version else settings.model
        if settings.shorten:
            self.name += f"/{settings.dimensions}"
        self.dimensions = settings.dimensions
        self.private = settings.zone == "private"
        self.origin = _origin(settings)
        """Where it is: the transport keeps connections to origins that it is told of."""
        self._settings = settings
        self._transport = transport
        self._head = _head(settings, tls=self.origin.tls)
        limit = settings.timeout_s
        self._timeouts = Timeouts(connect_s=min(limit, 5.0), first_byte_s=limit, between_bytes_s=limit, total_s=limit)
        self._closed = False
        self._decode = msgspec.json.Decoder(_Answer).decode

    async def embed(self, texts: Sequence[str]) -> list[Embedding]:
        sound(texts)
        vectors: list[Embedding] = []
        for at in range(0, len(texts), self._settings.batch):
            if self._closed:
                raise UpstreamUnreachable(f"the embedder {self.name} is closed")
            vectors += await self._batch(texts[at : at + self._settings.batch])
        return vectors

    def close(self) -> None:
        """The transport is its owner's; what is under way ends by its deadline."""
        self._closed = True

    async def _batch(self, texts: Sequence[str]) -> list[Embedding]:
        settings = self._settings
        dimensions = settings.dimensions if settings.shorten else None
        body = msgspec.json.encode(_Asked(settings.model, texts, "base64", dimensions))
        request = Outbound(
            origin=self.origin, head=self._head, body=(body,), size_bytes=len(body), timeouts=self._timeouts
        )
        try:
            inbound = await self._transport.send(request)
        except StaleConnection:
            inbound = await self._transport.send(request, fresh=True)
        try:
            return self._vectors(await self._read(inbound, len(texts)), len(texts))
        finally:
            inbound.close()

    async def _read(self, inbound: Inbound, count: int) -> bytes:
        if inbound.status != 200:
            raise failure(inbound.status, inbound.headers, await inbound.read(MAX_REST_BYTES), self.name, SPOKEN)
        return await inbound.read(MAX_REST_BYTES + count * (self.dimensions * MAX_NUMBER_BYTES + 256))

    def _vectors(self, body: bytes, count: int) -> list[Embedding]:
        """The vectors of an answer, in the order of their texts. Raises: UpstreamMalformed."""
        try:
            items = self._decode(body).data
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UpstreamMalformed(f"{self.name} answered no list of vectors ({error})") from error
        if sorted(item.index for item in items) != [*range(count)]:
            raise UpstreamMalformed(f"{self.name} answered {len(items)} vectors for {count} texts, or not those")
        return [self._vector(item.embedding) for item in sorted(items, key=_index)]

    def _vector(self, said: str | list[float]) -> Embedding:
        try:
            vector = array("f", said) if isinstance(said, list) else _unpacked(said)
        except (ValueError, OverflowError, Base64Error) as error:
            raise UpstreamMalformed(f"{self.name} answered a vector that can't be read ({error})") from error
        if len(vector) != self.dimensions:
            wrong = f"{self.name} answered {len(vector)} dimensions, not the {self.dimensions} that are configured"
            raise UpstreamMalformed(wrong)
        length = math.hypot(*vector)
        if not (0 < length < math.inf):
            raise UpstreamMalformed(f"{self.name} answered a vector without a direction")
        if abs(length - 1) > NEAR_ONE:
            vector = array("f", [number / length for number in vector])
        return vector


def _index(item: _Item) -> int:
    return item.index


def _unpacked(text: str) -> Embedding:
    vector = array("f")
    vector.frombytes(a2b_base64(text, strict_mode=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _origin(settings: EndpointSettings) -> Origin:
    url = urlsplit(settings.base_url)
    tls = url.scheme == "https"
    return Origin(
        host=url.hostname or "",
        port=url.port or (443 if tls else 80),
        tls=tls,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
        connections=settings.connections,
    )


def _head(settings: EndpointSettings, *, tls: bool) -> bytes:
    """Request line and headers, the same for each request."""
    url = urlsplit(settings.base_url)
    place = f"{url.path.rstrip('/')}/embeddings"
    relayed = bool(settings.proxy) and not tls
    lines = [f"POST {f'http://{url.netloc}' if relayed else ''}{place} HTTP/1.1", f"Host: {url.netloc}"]
    if settings.proxy and relayed:
        lines.extend(proxy_authorization(settings.proxy))
    headers = {"Accept": "application/json", "User-Agent": "antiphon"}
    if settings.key:
        headers["Authorization"] = f"Bearer {settings.key.reveal()}"
    own = {name: value.reveal() for name, value in settings.headers.items()}
    lower = {name.lower() for name in own}
    headers = {name: value for name, value in headers.items() if name.lower() not in lower} | own
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, "Content-Type: application/json", ""]).encode("latin-1")
