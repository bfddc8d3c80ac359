"""Few small inputs that reach as much of the code as many do."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

SOURCE = str(Path(__file__).parents[3] / "src" / "antiphon")
Step = tuple[CodeType, int, int]
"""From one line of a function to another."""


def least(target: Callable[[bytes], None], inputs: Iterable[bytes], most_bytes: int) -> list[bytes]:
    """Of the inputs that pass those which reach a step that no smaller one reached, up to so many bytes in all."""
    reached: set[Step] = set()
    kept: list[bytes] = []
    for one in sorted(set(inputs), key=lambda one: (len(one), one)):
        steps = _steps(target, one)
        if steps <= reached or len(one) > most_bytes:
            continue
        reached |= steps
        kept.append(one)
        most_bytes -= len(one)
    return kept


def _steps(target: Callable[[bytes], None], data: bytes) -> set[Step]:
    found: set[Step] = set()

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        code, last = frame.f_code, 0
        if not code.co_filename.startswith(SOURCE):
            return None

        def line(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "line":
                found.add((code, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    sys.settrace(called)
    try:
        target(data)
    except Exception:  # a finding: it is no example of what works
        return set()
    finally:
        sys.settrace(None)
    return found
