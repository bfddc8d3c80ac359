"""The statements on envelopes of runs: what is held on a root's, and what was used. `?` marks a value.

A hold is one conditional update of the root's row: those who hold at once come one after the other, and each sees what the
others hold. What is held or used already by the same key is found, not held again.
"""

from collections.abc import Sequence
from typing import Any

from antiphon.core.error import NotFound
from antiphon.core.run import Held, Run, Stop, Use
from antiphon.store import runs_there
from antiphon.store.asking import Ask

_MEASURES = ("steps", "calls", "tool_calls", "tokens", "money", "us")
_STOPS: tuple[Stop, ...] = ("steps", "calls", "tool_calls", "tokens", "money", "seconds")
_KINDS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
"""What is counted, and neither bounded nor held."""
USED = (*_MEASURES, *_KINDS)
"""What was used, in the order of the columns."""
_S = 1_000_000
"""Microseconds."""
_LEFT = ", ".join(f"most_{name}, used_{name} + held_{name}" for name in _MEASURES)
_HOLD = (
    f"UPDATE run_envelopes SET {', '.join(f'held_{name} = held_{name} + ?' for name in _MEASURES)} WHERE run = ? AND "  # noqa: S608 - the names of the columns alone, here and below
    + " AND ".join(f"(most_{name} IS NULL OR used_{name} + held_{name} + ? <= most_{name})" for name in _MEASURES)
    + f" RETURNING {_LEFT}"
)
_NAMES = ", ".join(_MEASURES)
_OF_KIND = ", ".join(f"used_{name}" for name in _KINDS)
_TAKE = (
    f"INSERT INTO run_holds (root, key, {_NAMES}, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT (root, key) DO NOTHING RETURNING 1"
)
_SETTLE = (
    f"UPDATE run_envelopes SET {', '.join(f'held_{name} = held_{name} - ?' for name in _MEASURES)},"  # noqa: S608
    f" {', '.join(f'used_{name} = used_{name} + ?' for name in USED)} WHERE run = ?"
)


def open_envelope(db: Ask, run: Run) -> None:
    """The envelope of a run that begins; a child's only counts what it used, the root's is what bounds."""
    it = run.envelope
    most = (it.steps, it.calls, it.tool_calls, it.tokens, it.money_nano_usd, round(it.seconds * _S))
    names = ", ".join(f"{of}_{name}" for of in ("most", "held", "used") for name in _MEASURES)
    text = f"INSERT INTO run_envelopes (run, {names}, {_OF_KIND}) VALUES ({', '.join('?' * 24)})"  # noqa: S608
    db.ask(text, (run.id, *most, *(0,) * 6, *_counted(run.used), *_kinds(run.used)))


def hold(db: Ask, root: str, key: str, most: Use) -> Held:
    """Raises: NotFound."""
    amounts = _counted(most)
    if not db.ask(_TAKE, (root, key, *amounts, 0)):
        return Held(ok=True, left=_left(_standing(db, root)))
    found = db.ask(_HOLD, (*amounts, root, *amounts))
    if found:
        return Held(ok=True, left=_left(found[0]))
    db.ask("DELETE FROM run_holds WHERE root = ? AND key = ?", (root, key))
    standing = _standing(db, root, db.row_lock)
    for place, stop in enumerate(_STOPS):
        bound, taken = standing[2 * place], standing[2 * place + 1]
        if bound is not None and taken + amounts[place] > bound:
            return Held(ok=False, short=stop, left=_left(standing))
    return hold(db, root, key, most)  # room was made meanwhile, and the row is locked


def settle(db: Ask, root: str, key: str, used: Use) -> None:
    amounts = _counted(used)
    found = db.ask(f"SELECT settled, {_NAMES} FROM run_holds WHERE root = ? AND key = ?{db.row_lock}", (root, key))  # noqa: S608
    if found and found[0][0]:
        return
    held: Sequence[int] = found[0][1:] if found else (0,) * 6
    if found:
        sets = ", ".join(f"{name} = ?" for name in _MEASURES)
        text = f"UPDATE run_holds SET settled = 1, {sets} WHERE root = ? AND key = ?"  # noqa: S608
        db.ask(text, (*amounts, root, key))
    elif not runs_there.kept(db, root) or not db.ask(_TAKE, (root, key, *amounts, 1)):
        return  # another settled it meanwhile, or its run is gone
    all_used = (*amounts, *_kinds(used))
    db.ask(_SETTLE, (*held, *all_used, root))
    child = key.partition("/")[0]
    if child != root:
        db.ask(_SETTLE, (*(0,) * 6, *all_used, child))


def use_of(row: Sequence[Any]) -> Use:
    """Of columns in the order of `USED`."""
    if row[0] is None:
        return Use()
    steps, calls, tool_calls, tokens, money, us, *kinds = row
    return Use(
        steps=steps,
        calls=calls,
        tool_calls=tool_calls,
        tokens=tokens,
        money_nano_usd=money,
        seconds=us / _S,
        **dict(zip(_KINDS, kinds, strict=True)),
    )


def _standing(db: Ask, root: str, lock: str = "") -> Sequence[Any]:
    rows = db.ask(f"SELECT {_LEFT} FROM run_envelopes WHERE run = ?{lock}", (root,))  # noqa: S608
    if not rows:
        raise NotFound(f"there is no run {root[:64]!r} whose envelope could be held", param="root")
    return rows[0]


def _counted(use: Use) -> tuple[int, ...]:
    return use.steps, use.calls, use.tool_calls, use.tokens, use.money_nano_usd, round(use.seconds * _S)


def _kinds(use: Use) -> tuple[int, ...]:
    return tuple(getattr(use, name) for name in _KINDS)


def _left(row: Sequence[Any]) -> Use:
    left = [-1 if row[at] is None else max(0, row[at] - row[at + 1]) for at in range(0, 12, 2)]
    us = left[5]
    return Use(
        steps=left[0],
        calls=left[1],
        tool_calls=left[2],
        tokens=left[3],
        money_nano_usd=left[4],
        seconds=-1.0 if row[10] is None else us / _S,
    )
