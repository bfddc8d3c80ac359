"""Who wants to hear how calls go on, by the keys of the calls."""

from antiphon.agents.mcp.peer import Progress


class Watchers:
    """Of one process."""

    def __init__(self) -> None:
        self._found: dict[str, Progress] = {}

    def watch(self, key: str, progress: Progress) -> None:
        self._found[key] = progress

    def leave(self, key: str) -> None:
        self._found.pop(key, None)

    def __call__(self, key: str) -> Progress | None:
        return self._found.get(key)
