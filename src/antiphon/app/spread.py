"""How far changes of the admin API's objects have come among the workers."""


class Spread:
    """Notes which change each worker works by."""

    def __init__(self) -> None:
        self._have: dict[int, int] = {}

    def begun(self, worker: int) -> None:
        """A worker starts: it works by nothing until it says so."""
        self._have[worker] = -1

    def has(self, worker: int, version: int) -> int:
        """A worker works by a change. Returns: the newest that all work by; -1: not all have begun."""
        self._have[worker] = version
        return min(self._have.values())
