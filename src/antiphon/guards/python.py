"""An own Python function as a guard. It is trusted, and runs in a thread of its own with a deadline."""

# What a function returns is found out by looking at it.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from inspect import iscoroutinefunction, signature
from threading import BoundedSemaphore
from typing import Any, cast

from antiphon.core.finding import Side
from antiphon.guards.overlaps import apart
from antiphon.guards.port import Asked, Detector, Granularity, Match, Text
from antiphon.guards.settings_custom import PythonGuardSettings

Function = Callable[[str, str, str], object]
THREADS = 4
"""Calls that run at once; one more fails without waiting, so that calls that hang hold up no others."""


class NoFunction(Exception):
    """What is wrong with `call`, and the remedy."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why
        self.remedy = remedy


class PythonFailed(Exception):
    """The function raised, took too long, or returned what is no match."""


def load(call: str) -> Function:
    """Import a function by `module:function`. Raises: NoFunction."""
    module, _, path = call.partition(":")
    try:
        found: Any = import_module(module)
    except Exception as error:  # noqa: BLE001 - the operator's module may raise anything as it is imported
        raise NoFunction(
            f"{module} can't be imported: {type(error).__name__}: {error}",
            "install it where the gateway runs, or mend the name",
        ) from error
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise NoFunction(f"{module} has no function {path}", "write the name of one that it has")
    if iscoroutinefunction(found):
        raise NoFunction(f"{call} is an `async def`", "write a plain function: guards don't wait")
    try:
        signature(found).bind("", "", "")
    except (TypeError, ValueError) as error:
        raise NoFunction(f"{call} doesn't take (text, channel, side): {error}", "mend its parameters") from error
    return cast("Function", found)


class PythonDetector(Detector):
    """What the function returns; what goes wrong is raised, so that the guard's `failure` says what it means."""

    def __init__(self, settings: PythonGuardSettings) -> None:
        """Raises: NoFunction."""
        self._settings = settings
        self._function = load(settings.call)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="own-guard")
        self._free = BoundedSemaphore(THREADS)
        self.granularity: Granularity = "whole" if settings.whole else "sentence"

    def find(self, text: str) -> Sequence[Match]:
        return self._ask(text, "user", "request")

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        return self._ask(text.text, text.channel, side)

    def _ask(self, text: str, channel: str, side: str) -> Sequence[Match]:
        """Raises: PythonFailed."""
        if not self._free.acquire(blocking=False):
            raise PythonFailed(f"{THREADS} calls of {self._settings.call} run already")
        future = self._threads.submit(self._function, text, channel, side)
        future.add_done_callback(lambda _: self._free.release())
        try:
            returned = future.result(self._settings.timeout_s)
        except TimeoutError as error:
            future.cancel()
            raise PythonFailed(f"{self._settings.call} took longer than {self._settings.timeout_s:g} s") from error
        except Exception as error:
            raise PythonFailed(f"{self._settings.call} raised {type(error).__name__}") from error
        return self._matches(returned, len(text))

    def _matches(self, returned: Any, length: int) -> Sequence[Match]:
        """Raises: PythonFailed."""
        if returned is None:
            return ()
        try:
            return apart(self._match(*one, length=length) for one in returned)
        except (TypeError, ValueError) as error:
            raise PythonFailed(f"{self._settings.call} returned what is no list of matches: {error}") from error

    def _match(self, start: Any, end: Any, kind: Any, score: Any = 1.0, *, length: int) -> Match:
        if not (isinstance(kind, str) and 0 <= int(start) < int(end) <= length and 0 <= float(score) <= 1):
            raise ValueError(f"({start}, {end}, {kind!r}, {score}) is none of a text of {length} characters")
        return Match(int(start), int(end), kind, "python", float(score))
