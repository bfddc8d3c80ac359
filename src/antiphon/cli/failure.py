"""Tells an error: to people on stderr, with `--json` also as the one document on stdout."""

from antiphon.cli.exits import Exit, exit_of
from antiphon.cli.terminal import document, say
from antiphon.core.error import AntiphonError, ConfigError, Problem


def failed(error: AntiphonError | OSError, *, as_json: bool) -> Exit:
    """Tell what went wrong and what to do next. Returns: the exit code."""
    notes: list[str] = getattr(error, "__notes__", [])
    message = error.message if isinstance(error, AntiphonError) else _reason(error)
    say("\n".join([message, *notes]))
    if as_json:
        code = error.said_code if isinstance(error, AntiphonError) else "os_error"
        said: dict[str, object] = {"code": code, "message": message, "next": notes}
        if isinstance(error, ConfigError):
            said["problems"] = problems(error.problems)
        document({"error": said})
    return exit_of(error) if isinstance(error, AntiphonError) else Exit.FAILED


def problems(found: list[Problem]) -> list[dict[str, object]]:
    """Mistakes of a configuration as plain values."""
    return [
        {"file": one.file, "line": one.line, "path": one.path, "wrong": one.wrong, "remedy": one.remedy}
        for one in found
    ]


def _reason(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what
