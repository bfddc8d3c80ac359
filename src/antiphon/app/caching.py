"""A worker's cache of answers: made once, and arranged anew by each revision."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from antiphon.app.plans import embedders_of
from antiphon.calls.cache import ResponseCache
from antiphon.calls.settings_cache import CachesSettings
from antiphon.config.settings import Settings
from antiphon.core.cache import CacheStore
from antiphon.core.clock import Clock
from antiphon.core.embedding import Embedder
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Sealer
from antiphon.metering.settings_limits import ClusterSettings
from antiphon.providers.embedders.local import LocalEmbedder
from antiphon.providers.embedders.settings import EmbedderSettings
from antiphon.store.cache_sqlite import SqliteCache
from antiphon.store.cache_valkey import ValkeyCache
from antiphon.store.valkey import Valkey
from antiphon.telemetry.metrics import Metrics


class Caching:
    """What a worker holds for its cache."""

    def __init__(self, data: Path, sealer: Sealer, clock: Clock, metrics: Metrics) -> None:
        self.cache = ResponseCache(sealer, clock, metrics.cached)
        self._data = data
        self._settings: tuple[CachesSettings, ClusterSettings] | None = None
        """None: nothing was arranged, or no route has a cache."""
        self._embedders: dict[str, tuple[EmbedderSettings, Embedder]] = {}
        self._warming: set[asyncio.Task[None]] = set()
        self._valkey: Valkey | None = None

    def arrange(self, settings: Settings) -> None:
        """Take over what a configuration says. What is set as it was goes on. Raises: ConfigError, and all goes on."""
        embedders = self._made(settings)
        for name, (said, embedder) in self._embedders.items():
            if embedders.get(name, (None, None))[0] != said:
                embedder.close()
        self._embedders = embedders
        by_name: Mapping[str, Embedder] = {name: embedder for name, (_, embedder) in embedders.items()}
        caches = settings.calls.cache
        told = (caches, settings.cluster) if any(one.cache.enabled for one in settings.routes.values()) else None
        if told != self._settings:
            self._settings = told
            self.cache.arrange(caches, None if told is None else self._store(*told))
        self.cache.embed_with(by_name)

    @property
    def embedders(self) -> Mapping[str, Embedder]:
        """By name, those that anything uses."""
        return {name: embedder for name, (_, embedder) in self._embedders.items()}

    async def close(self) -> None:
        """Let go of the store and of the embedders."""
        self.cache.close()
        if self._valkey is not None:
            await self._valkey.close()
        for _, embedder in self._embedders.values():
            embedder.close()

    def _store(self, caches: CachesSettings, cluster: ClusterSettings) -> CacheStore | None:
        """Raises: StoreError, when a library is not installed."""
        match caches.store:
            case "file":
                return SqliteCache(self._data, caches.store_bytes, caches.tenant_bytes)
            case "valkey" if cluster.url is not None:
                # Connections of its own: what is slow here must not keep limits from being counted.
                valkey = self._valkey = Valkey(
                    cluster.url.reveal(), timeout_s=cluster.timeout_ms / 1000, ca_file=cluster.ca_file
                )
                loop = asyncio.get_running_loop()
                return ValkeyCache(valkey, cluster.namespace, caches.tenant_bytes, caches.timeout_s, loop)
            case _:
                return None

    def _made(self, settings: Settings) -> dict[str, tuple[EmbedderSettings, Embedder]]:
        """The embedders that caches, signals and selectors use, those of before where they are set alike."""
        caches = (one.cache for one in settings.routes.values() if one.cache.enabled)
        used = {one.semantic.embedder for one in caches if one.semantic} | embedders_of(settings)
        out: dict[str, tuple[EmbedderSettings, Embedder]] = {}
        for name in used:
            said, before = settings.embedders[name], self._embedders.get(name)
            if before is not None and before[0] == said:
                out[name] = before
            elif said.local is not None:
                out[name] = (said, LocalEmbedder(said.local, f"embedders.{name}.local"))
                self._warm(out[name][1])
        return out

    def _warm(self, embedder: Embedder) -> None:
        """Load the model before a request waits for it."""
        task = asyncio.get_running_loop().create_task(_embed(embedder))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)


async def _embed(embedder: Embedder) -> None:
    with suppress(AntiphonError):  # each request that needs it finds out by itself
        await embedder.embed(["Hello!"])
