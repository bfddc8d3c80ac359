"""Facts that an operator's own Python functions tell."""

# What a function returns is found out by looking at it.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from inspect import isawaitable, iscoroutinefunction
from time import perf_counter_ns
from typing import Any, TypeAlias

from antiphon.core.signal import Value
from antiphon.signals.facts import RequestFacts
from antiphon.signals.settings import FunctionSettings, Gives

Function: TypeAlias = Callable[[RequestFacts], Any]
THREADS = 4
WAITING = 64
"""Calls that may wait for a thread; of more the facts are unknown."""


class NoFunction(Exception):
    """What is wrong with `call`, and the remedy."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why = why
        self.remedy = remedy


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
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise NoFunction(f"{module} has no {path}", "write a function that it has") from error
    if not callable(found):
        raise NoFunction(f"{call} is {type(found).__name__}, which can't be called", "write a function's name")
    return found


class OwnFunctions:
    """The functions of one revision. Those that aren't `async` run in threads of their own."""

    def __init__(self, settings: Mapping[str, FunctionSettings]) -> None:
        """Raises: NoFunction."""
        self._settings = settings
        self._functions = {name: load(one.call) for name, one in settings.items()}
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def work_out(self, name: str, facts: RequestFacts) -> None:
        """Call a function, and supply what it returns as `own.<name>`. It never raises but where it is cancelled.

        What fails, takes longer than its timeout, or returns another type than declared leaves the fact unknown.
        """
        began = perf_counter_ns()
        settings = self._settings[name]
        value, why = None, ""
        try:
            async with asyncio.timeout(settings.timeout_s):
                returned = await self._call(self._functions[name], facts)
            value, why = typed(returned, settings.gives)
        except TimeoutError:
            why = f"it took longer than {settings.timeout_s:g} s"
        except _Full:
            why = f"{WAITING} calls of own functions wait already"
        except Exception as error:  # noqa: BLE001 - the operator's function may raise anything
            why = f"it raised {type(error).__name__}"
        took_us = (perf_counter_ns() - began) // 1000
        facts.supply(f"own.{name}", value, confidence=0.0 if value is None else 1.0, took_us=took_us, why=why)

    async def _call(self, function: Function, facts: RequestFacts) -> object:
        if iscoroutinefunction(function):
            return await function(facts)
        if self._waiting >= WAITING:
            raise _Full
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="own-facts")
        self._waiting += 1
        future = self._threads.submit(function, facts)
        future.add_done_callback(self._done)
        found = await asyncio.wrap_future(future)
        return await _awaited(found) if isawaitable(found) else found

    def _done(self, _: object) -> None:
        self._waiting -= 1

    def close(self) -> None:
        """Take no more calls; those that run end by themselves."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


class _Full(Exception):
    pass


async def _awaited(found: Awaitable[object]) -> object:
    return await found


_TYPES: Mapping[Gives, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "double": (float, int),
    "string": (str,),
}


def typed(value: Any, gives: Gives) -> tuple[Value, str]:
    """A value of the declared type, or none and why."""
    if value is None:
        return None, "it returned None"
    if gives == "strings":
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return tuple(value), ""
    elif isinstance(value, _TYPES[gives]) and (gives == "bool" or not isinstance(value, bool)):
        return (float(value) if gives == "double" else value), ""
    return None, f"it returned {type(value).__name__}, and {gives} is declared"
