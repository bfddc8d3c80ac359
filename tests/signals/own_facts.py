"""Functions of an operator's, for test_own.py."""

import asyncio
import threading
from typing import Any

from antiphon.signals.facts import RequestFacts

LATE = threading.Event()


def vip(facts: RequestFacts) -> bool:
    return facts.about.principal.user == "kim" and "order" in facts.ask


async def spoken(facts: RequestFacts) -> Any:
    await asyncio.sleep(0)
    return facts.value("text.language")


def words(_: RequestFacts) -> list[str]:
    return ["a", "b"]


def number(_: RequestFacts) -> int:
    return 3


def nothing(_: RequestFacts) -> None:
    return None


def fails(_: RequestFacts) -> bool:
    raise ValueError("with a secret in it")


def hangs(_: RequestFacts) -> bool:
    LATE.wait()
    return True


async def hangs_too(_: RequestFacts) -> bool:
    await asyncio.Event().wait()
    return True


class Kept:
    @staticmethod
    def rank(_: RequestFacts) -> float:
        return 0.5


NO_FUNCTION = 3
