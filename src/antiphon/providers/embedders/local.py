"""Vectors from a model in this process, on one thread of its own."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import final

from msgspec import Struct

from antiphon.core.embedding import Embedder, Embedding, sound
from antiphon.core.error import OverLimit, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.providers.embedders.model import Model, card, libraries
from antiphon.providers.embedders.settings import LocalSettings

Vectors = list[Embedding]


class _Job(Struct, frozen=True, eq=False):
    """One batch. `result` gets a value, never an exception: maybe nobody waits any more."""

    texts: Sequence[str]
    result: "asyncio.Future[Vectors | Exception]"
    loop: asyncio.AbstractEventLoop


@final
class LocalEmbedder(Embedder):
    """Batches of all callers take turns. The model is loaded at the first; the thread never holds up the process's end."""

    private = True

    def __init__(self, settings: LocalSettings, path: str) -> None:
        """`path`: where the settings stand. Raises: ConfigError when a library or a file is not there."""
        self._libraries = libraries(path)
        self._card = card(settings, path)
        self.name = f"{self._card.name}@{self._card.version}/{settings.precision}"
        self.dimensions = self._card.dimensions
        self._settings = settings
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        sound(texts)
        # Texts of like length share a batch, since the shorter are filled up to the longest.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        vectors: dict[int, Embedding] = {}
        for start in range(0, len(order), self._settings.batch):
            places = order[start : start + self._settings.batch]
            vectors.update(zip(places, await self._batch([texts[at] for at in places]), strict=True))
        return [vectors[at] for at in range(len(texts))]

    def close(self) -> None:
        self._closed = True
        self._jobs.put(None)

    async def _batch(self, texts: Sequence[str]) -> Vectors:
        if self._closed:
            raise UpstreamUnreachable(f"the embedder {self.name} is closed")
        if self._waiting >= self._settings.queue:
            raise OverLimit(f"{self._waiting} batches of texts wait for {self.name} already; try again in a second")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="embedder", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        job = _Job(texts, loop.create_future(), loop)
        self._waiting += 1
        self._jobs.put(job)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                result = await job.result
        except TimeoutError:
            raise UpstreamTimeout(f"{self.name} gave no vectors within {self._settings.timeout_s:g} s") from None
        if isinstance(result, Exception):
            raise UpstreamError(f"{self.name} failed ({type(result).__name__}: {result})") from result
        return result

    def _work(self) -> None:
        """The thread: one batch after the other, but for those that nobody waits for."""
        model: Model | None = None
        while (job := self._jobs.get()) is not None:
            result: Vectors | Exception = []
            if not job.result.cancelled():
                try:
                    model = model or Model(self._settings, self._card, self._libraries)
                    result = model.vectors(job.texts)
                except Exception as error:  # noqa: BLE001 - a library's errors are its own; each is told as UpstreamError
                    result = error
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                job.loop.call_soon_threadsafe(self._landed, job, result)

    def _landed(self, job: _Job, result: Vectors | Exception) -> None:
        self._waiting -= 1
        if not job.result.done():
            job.result.set_result(result)
