"""Answers that are kept to be given again: how one is stored, and where."""

from abc import ABC, abstractmethod

from msgspec import Struct


class CacheEntry(Struct, frozen=True, gc=False, kw_only=True):
    """One answer in a store, which can read nothing of it."""

    key: bytes
    """Names the request that it answers: 32 bytes, never the same for two tenants."""
    tenant: str
    group: bytes = b""
    """Names the requests that it may be compared with, 32 bytes; empty: none."""
    at_ns: int
    """When it was given: UTC, ns since the epoch."""
    until_ns: int
    """From then on it is gone."""
    sealed: bytes
    """The answer, encrypted; empty where only the hint was asked for."""
    hint: bytes = b""
    """By what it is compared, encrypted; empty where there is no group."""

    @property
    def size_bytes(self) -> int:
        return len(self.sealed) + len(self.hint)


class CacheStore(ABC):
    """Shared by workers. Any thread may ask; every method blocks, on files or sockets, for no longer than the store's own
    deadline. It may forget an entry at any time.
    """

    @abstractmethod
    def find(self, tenant: str, key: bytes, now_ns: int) -> CacheEntry | None:
        """An entry whose time is not over; None: there is none. Raises: StoreError."""

    @abstractmethod
    def near(self, tenant: str, group: bytes, after_ns: int, now_ns: int, most: int) -> list[CacheEntry]:
        """Entries of a group that were given after some time, the newest first, without their answers.

        Raises: StoreError.
        """

    @abstractmethod
    def put(self, entry: CacheEntry, now_ns: int) -> None:
        """Keep an entry in place of what its key names, and drop what goes beyond the store's bounds.

        Raises: StoreError, and then it is not kept.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of files or sockets."""
