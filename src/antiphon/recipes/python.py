"""A recipe that is the operator's own Python function."""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from antiphon.core.error import AntiphonError, DeadlineExceeded
from antiphon.core.plan import Envelope
from antiphon.recipes.port import Answer, Calls, Question
from antiphon.recipes.settings_python import PythonSettings

log = logging.getLogger("antiphon.recipes")
Function = Callable[[Question, Calls, Envelope], Awaitable[Answer]]


def load(call: str) -> Function:
    """Import a function by `module:name`. Raises: ValueError, saying why it can't be used."""
    module_name, _, name = call.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ValueError(f"{module_name} can't be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if found is None:
        raise ValueError(f"{module_name} has no {name}")
    if not inspect.iscoroutinefunction(found):
        raise ValueError(f"{call} is no `async def`")
    try:
        inspect.signature(found).bind(None, None, None)
    except TypeError as error:
        raise ValueError(f"{call} doesn't take (request, calls, envelope): {error}") from error
    return cast("Function", found)


async def run(settings: PythonSettings, question: Question, calls: Calls, envelope: Envelope | None = None) -> Answer:
    """Await the function.

    Raises: AntiphonError of a call that the function let through; DeadlineExceeded; AntiphonError `recipe_failed`, when
        it raised anything else or gave no answer.
    """
    function, bounded = load(settings.call), asyncio.timeout(settings.timeout_s)
    try:
        async with bounded:
            return _checked(settings.call, await function(question, calls, envelope or Envelope()))
    except AntiphonError:
        raise
    except Exception as error:
        if bounded.expired():
            raise DeadlineExceeded(f"the recipe {settings.call} took more than {settings.timeout_s} s") from error
        log.exception("recipe.failed", extra={"recipe": settings.call})
        raise _failed(settings.call, f"it raised {type(error).__name__}") from error


def _checked(call: str, found: object) -> Answer:
    if not isinstance(found, Answer):
        raise _failed(call, f"it gave {type(found).__name__}, not an Answer")
    return found


def _failed(call: str, why: str) -> AntiphonError:
    return AntiphonError(f"the recipe {call} failed: {why}; see the log", code="recipe_failed", status=502)
