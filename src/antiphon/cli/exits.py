"""Exit codes of every command."""

from enum import IntEnum

from antiphon.core.error import (
    AntiphonError,
    ConfigError,
    NotAllowed,
    NotAuthenticated,
    OverLimit,
    Unavailable,
    UpstreamError,
)


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    DENIED = 4
    UPSTREAM = 5
    LIMIT = 6
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong arguments",
    Exit.CONFIG: "wrong configuration",
    Exit.DENIED: "denied by key or policy",
    Exit.UPSTREAM: "a model or gateway failed",
    Exit.LIMIT: "over a budget or limit",
    Exit.INTERRUPTED: "interrupted",
}


def exit_of(error: AntiphonError) -> Exit:
    """The exit code of an error."""
    match error:
        case ConfigError():
            return Exit.CONFIG
        case NotAuthenticated() | NotAllowed():
            return Exit.DENIED
        case OverLimit():
            return Exit.LIMIT
        case UpstreamError() | Unavailable():
            return Exit.UPSTREAM
        case _:
            return Exit.FAILED
