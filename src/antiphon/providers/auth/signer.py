"""Says who we are to an upstream, with each request."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Signer(ABC):
    """A credential that changes with time, or with each request.

    Whoever sends asks `ready` and, where that is False, waits for `renew`; where `due`, it starts a `renew` and does
    not wait. Times are UTC, seconds since the epoch.
    """

    @abstractmethod
    def ready(self, now_s: float) -> bool:
        """Whether a credential is at hand that won't expire on the way."""

    @abstractmethod
    def due(self, now_s: float) -> bool:
        """Whether there is one that should be renewed in the background now; False while that is under way."""

    @abstractmethod
    async def renew(self) -> None:
        """Get a credential, or a fresh one in place of the one at hand. Those who ask at the same time share one.

        Raises: UpstreamAuth within its deadline; one that is still good is kept.
        """

    @abstractmethod
    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        """Header lines for this very request, each with its line end.

        Args:
            host: As the header `Host` says it.
            path: As the request line says it, percent-encoded, without the query.
            query: As the request line says it, without `?`.
            body: Its segments. Where requests are signed they are hashed here, about 0.5 ms a megabyte; this may be
                called from a thread.

        Raises: UpstreamAuth when no credential is `ready`: an expired one is never sent.
        """
