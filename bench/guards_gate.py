"""What guards cost on the path: reading a request's texts, looking at them, and each event of a stream.

python bench/guards_gate.py
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from antiphon.core.request import Dialect
from antiphon.guards.gate import Gate
from antiphon.guards.lane import Lane
from antiphon.guards.make import make
from antiphon.guards.piece import Decision
from antiphon.guards.port import Asked, Edit, Guard, Match
from antiphon.guards.screen import screen
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_content import UnicodeSettings
from antiphon.guards.settings_pii import PiiSettings
from antiphon.guards.settings_secrets import SecretsSettings
from antiphon.guards.texts import body_texts
from lib.machine import machine, versions

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from streamed import pieces  # noqa: E402 - what tests write streams with

from antiphon.core.response import Delta  # noqa: E402

METHOD = (
    "CPU of one process, hot: the median of {rounds} rounds. Guards: pii, secrets and unicode as they are by default. The "
    "request is a chat of 1 KB in four messages, with 20 numbers in it; another is the same with an e-mail in each of two messages, which is masked. "
    "Streams are English prose of 2,400 characters with names, numbers and dates in it, in events of four characters, each "
    "written by the dialect's own codec and given to the gate by itself; `with mail` has an e-mail in every 240 characters. "
    "The stream's other events are counted with it. Held: characters that were pushed and not yet released, after each event. "
    "Nothing was tuned on these texts."
)
PROSE = (
    "The quick brown fox jumps over the lazy dog and then goes home to sleep well. Meanwhile, Anna (34) wrote 3 letters to "
    "her friend in Paris; none of them came back before 2019. She paid 12.50 for the stamps, at 10:45 on a Tuesday. "
)
WORDS = (
    "The quick brown fox jumps over the lazy dog and then goes home to sleep well. Meanwhile, Anna wrote some letters to "
    "her friend in Paris; none of them came back before the summer. She paid little for the stamps, late on a Tuesday. "
)
MAIL = "Write to anna.miller@example.org then. "
ASKED = Asked(tenant="acme", route="fast")
CHATS: tuple[Dialect, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "openai_completions")
EACH = 4


@dataclass(frozen=True)
class Row:
    """One measurement; without a limit it is only told."""

    name: str
    unit: str
    value: float
    most: float
    limit: float | None = None


def token(kind: str, value: str) -> str:
    return f"[[{kind.upper()}_{len(value):08X}]]"


def guards() -> tuple[Guard, ...]:
    settings = {
        "pii": GuardSettings(pii=PiiSettings()),
        "secrets": GuardSettings(secrets=SecretsSettings()),
        "unicode": GuardSettings(unicode=UnicodeSettings()),
    }
    return make(settings)


def cpu_us(do: Callable[[], object], calls: int, rounds: int) -> tuple[float, float]:
    """Of one call: the median of the rounds, and the dearest round."""
    took: list[float] = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(calls):
            do()
        took.append((time.process_time_ns() - began) / calls / 1000)
    return median(took), max(took)


def chat(text: str = PROSE, *, mail: bool = False) -> bytes:
    said = [text + (MAIL if mail and at % 2 else "") for at in range(4)]
    roles = ("system", "user", "assistant", "user")
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    return json.dumps({"model": "fast", "messages": messages, "temperature": 0.5, "stream": True}).encode()


def requests(calls: int, rounds: int) -> list[Row]:
    plain, mailed, words, looking = chat(), chat(mail=True), chat(WORDS), guards()
    items, found = body_texts(plain).items, body_texts(mailed)

    def whole(body: bytes) -> object:
        return screen(body_texts(body).items, looking, ASKED, "request", token)

    def masked() -> object:
        texts = body_texts(mailed)
        return texts.edited(screen(texts.items, looking, ASKED, "request", token).edits)

    assert screen(found.items, looking, ASKED, "request", token).edits
    return [
        Row("texts of a chat of 1 KB", "µs", *cpu_us(lambda: body_texts(plain), calls, rounds), 15),
        Row("guards over them", "µs", *cpu_us(lambda: screen(items, looking, ASKED, "request", token), calls, rounds)),
        Row("both", "µs", *cpu_us(lambda: whole(plain), calls, rounds), 150),
        Row("both, of a chat without numbers", "µs", *cpu_us(lambda: whole(words), calls, rounds), 150),
        Row("both, two e-mails masked, the body written again", "µs", *cpu_us(masked, calls, rounds)),
    ]


def long_ones(calls: int, rounds: int) -> list[Row]:
    del calls
    few = json.dumps({"messages": [{"role": "user", "content": PROSE * 42} for _ in range(1000)]}).encode()
    arguments = [{"function": {"name": "f", "arguments": json.dumps({"a": "b c", "n": at})}} for at in range(20_000)]
    many = json.dumps({"messages": [{"role": "assistant", "tool_calls": arguments}]}).encode()
    rows: list[Row] = []
    for name, body in (("1,000 long texts", few), ("40,000 short texts in arguments", many)):
        texts, megabytes = body_texts(body), len(body) / 1e6
        edit = [(len(texts.items) // 2, (Edit(0, 1, "X"),))]
        for what, do in (("texts of", lambda: body_texts(body)), ("one edit in", lambda: texts.edited(edit))):  # noqa: B023 - run at once
            us, most = cpu_us(do, 1, min(rounds, 5))
            rows.append(Row(f"{what} {name}", "ms a MB", us / megabytes / 1000, most / megabytes / 1000))
    return rows


def prose(*, mail: bool) -> str:
    return "".join(PROSE + (MAIL if mail else "") for _ in range(12))


def streams(calls: int, rounds: int) -> list[Row]:
    del calls
    rows: list[Row] = []
    looking = guards()
    for mail in (False, True):
        text, said = prose(mail=mail), " with mail" if mail else ""
        cut = [text[at : at + EACH] for at in range(0, len(text), EACH)]
        lane = cpu_us(lambda cut=cut: _lane(looking, cut), 3, rounds)
        rows.append(Row(f"a lane by itself{said}", "µs an event", lane[0] / len(cut), lane[1] / len(cut)))
        for dialect in CHATS:
            stream = pieces(dialect, [Delta(text=piece) for piece in cut])
            us, most = cpu_us(lambda dialect=dialect, stream=stream: _through(dialect, looking, stream), 3, rounds)
            count = len(cut)
            rows.append(Row(f"{dialect}{said}", "µs an event", us / count, most / count, None if mail else 8))
            if dialect == "openai_chat" and not mail:
                over = us / count - lane[0] / len(cut)
                rows.append(Row("openai_chat, on top of the lane", "µs an event", over, over, 4))
        rows.append(_held(looking, cut, said))
    return rows


def _lane(looking: Sequence[Guard], cut: Sequence[str]) -> None:
    lane = Lane(looking, _mask)
    for piece in cut:
        lane.push(piece)
    lane.end()


def _mask(guard: Guard, match: Match) -> Decision:
    return Decision("mask")


def _through(dialect: Dialect, looking: Sequence[Guard], stream: Sequence[bytes]) -> None:
    gate = Gate(dialect, looking, ASKED, token)
    for piece in stream:
        gate.feed(piece)
    gate.end()


def _held(looking: Sequence[Guard], cut: Sequence[str], said: str) -> Row:
    lane = Lane(looking, _mask)
    held: list[int] = []
    for piece in cut:
        lane.push(piece)
        held.append(lane.held)
    return Row(f"held{said}: mean, most", "characters", sum(held) / len(held), max(held), 8)


MEASURED: tuple[Callable[[int, int], list[Row]], ...] = (requests, long_ones, streams)


def page(result: dict[str, Any]) -> str:
    box, told = (
        result["machine"],
        ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version),
    )
    lines = [
        f"| {row['name']} | {row['value']:,.2f} {row['unit']} | {row['most']:,.2f} | {_target(row)} |"
        for row in result["rows"]
    ]
    return (
        f"# Guards on the path, {result['day']}\n\nCommand: `python bench/guards_gate.py`. {result['method']} "
        f"Versions: {told}. Machine: {box['cpu']}, {box['cores']} cores.\n\n"
        "| what | median | dearest | target |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


def _target(row: dict[str, Any]) -> str:
    limit = row["limit"]
    return "none" if limit is None else f"at most {limit:,g}: {'**met**' if row['value'] <= limit else '**missed**'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    gc.freeze()
    rows = [row for measure in MEASURED for row in measure(asked.calls, asked.rounds)]
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "method": METHOD.format(rounds=asked.rounds),
        "versions": versions(),
        "machine": machine(),
        "rows": [vars(row) for row in rows],
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-guards-gate"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result))


if __name__ == "__main__":
    main()
