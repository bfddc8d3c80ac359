"""Mistakes in what is kept to be given again, and in who turns texts into vectors."""

from collections.abc import Iterator

from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import ConfigError, Problem
from antiphon.providers.embedders.local import LocalEmbedder


def check_cache(settings: Settings, written: Written) -> Iterator[Problem]:
    """Sizes that contradict each other, embedders that don't exist or can't be loaded."""
    yield from _sizes(settings, written)
    at = ("calls", "cache", "store")
    if settings.calls.cache.store == "valkey" and settings.cluster.url is None and written.sound(at, ("cluster",)):
        yield written.problem(at, "there is no Valkey: `cluster.url` is not set", "set it, or write `store: file`")
    yield from _embedders(settings, written)
    for name, route in settings.routes.items():
        semantic, at = route.cache.semantic, ("routes", name, "cache", "semantic", "embedder")
        if semantic is None or not written.sound(at, ("embedders",)):
            continue
        known = settings.embedders.get(semantic.embedder)
        if known is None:
            wrong = f"there is no embedder {semantic.embedder!r}"
            yield written.problem(at, wrong, choose(semantic.embedder, tuple(settings.embedders), "embedders"))
        elif known.endpoint is not None:
            wrong = f"{semantic.embedder!r} is an endpoint: each text that is compared would leave this machine, unpaid"
            yield written.problem(at, wrong, "name an embedder that is `local`")


def _sizes(settings: Settings, written: Written) -> Iterator[Problem]:
    caches, path = settings.calls.cache, ("calls", "cache")
    if written.sound(path) and caches.store == "file" and caches.tenant_bytes > caches.store_bytes:
        wrong = f"{caches.tenant_bytes} is more than store_bytes {caches.store_bytes}, which holds all tenants"
        yield written.problem((*path, "tenant_bytes"), wrong, "lower tenant_bytes, or raise store_bytes")
    for name, route in settings.routes.items():
        at = ("routes", name, "cache", "max_entry_bytes")
        if written.sound(at, path) and route.cache.enabled and route.cache.max_entry_bytes > caches.tenant_bytes:
            wrong = f"{route.cache.max_entry_bytes} is more than a tenant may have, {caches.tenant_bytes}"
            yield written.problem(at, wrong, "lower it, or raise calls.cache.tenant_bytes")


def _embedders(settings: Settings, written: Written) -> Iterator[Problem]:
    for name, embedder in settings.embedders.items():
        at = ("embedders", name)
        if not written.sound(at):
            continue
        mistakes = embedder.check()
        for path, wrong, remedy in mistakes:
            yield written.problem((*at, *(path.split(".") if path else ())), wrong, remedy)
        if embedder.local is not None and not mistakes:
            try:
                LocalEmbedder(embedder.local, ".".join((*at, "local"))).close()
            except ConfigError as error:
                yield from (written.problem((*at, "local", "dir"), one.wrong, one.remedy) for one in error.problems)
