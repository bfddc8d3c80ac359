"""`antiphon policy replay`."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator

import msgspec

from antiphon.app.offline import planner
from antiphon.cli import text
from antiphon.cli.configured import configured
from antiphon.cli.data import records_of
from antiphon.cli.exits import Exit
from antiphon.cli.policy_files import policies, sources
from antiphon.cli.terminal import document, put, say
from antiphon.control.policy_replay import NOT_KEPT, Replay, Replayed, counts
from antiphon.control.spend_asked import moment
from antiphon.core.clock import SystemClock
from antiphon.core.ids import first_id
from antiphon.core.receipt import Receipt
from antiphon.metering.records import Records

PAGE = 500
NANO_USD = 10**9


def run(arguments: Namespace) -> int:
    """Decide receipts again. Exits with 1 when anything would be decided otherwise."""
    loaded = configured(arguments)
    made = policies(sources(arguments.file, loaded), loaded)
    offline = planner(loaded)
    replay = Replay(made, offline.revision, offline.caller, loaded.settings.data_classes.default)
    now_ns = SystemClock().now_ns()
    since = first_id(moment("since", arguments.since, now_ns))
    until = first_id(moment("until", arguments.until, now_ns) if arguments.until else now_ns + NANO_USD)
    left_out = 0
    found: list[Replayed] = []
    for receipt in _receipts(records_of(loaded.settings), since, until, arguments.most, arguments.tenant):
        if counts(receipt):
            found.append(replay.again(receipt))
        else:
            left_out += 1
    changes = [one for one in found if one.what != "same"]
    asked = [name for name in NOT_KEPT if made.reads(name)]
    if arguments.json:
        document(_whole(found, changes, left_out, asked))
    else:
        _page(found, changes, left_out, asked)
    return Exit.FAILED if changes else Exit.OK


def _receipts(records: Records, since: str, until: str, most: int, tenant: str | None) -> Iterator[Receipt]:
    """The newest first."""
    while most > 0:
        page = records.between(since, until, min(PAGE, most), tenant)
        yield from page
        if len(page) < PAGE:
            return
        most -= len(page)
        until = page[-1].id


def _sums(found: list[Replayed]) -> tuple[int, int, int]:
    """Costs then and now of those where both are known, and how many there are of the others."""
    priced = [one for one in found if one.cost_nano_usd is not None and one.now_nano_usd is not None]
    then = sum(one.cost_nano_usd or 0 for one in priced)
    now = sum(one.now_nano_usd or 0 for one in priced)
    return then, now, len(found) - len(priced)


def _whole(found: list[Replayed], changes: list[Replayed], left_out: int, asked: list[str]) -> dict[str, object]:
    then, now, unpriced = _sums(found)
    return {
        "receipts": len(found),
        "left_out": left_out,
        "not_kept": asked,
        "counts": dict(Counter(one.what for one in found)),
        "then_usd": then / NANO_USD,
        "now_usd": now / NANO_USD,
        "unpriced": unpriced,
        "changes": msgspec.to_builtins(changes),
    }


def _page(found: list[Replayed], changes: list[Replayed], left_out: int, asked: list[str]) -> None:
    if changes:
        put("\n".join(text.table(map(_row, changes), ("RECEIPT", "WHAT", "KEY", "MODEL", "SERVED", "NOW", "BY"))))
    then, now, unpriced = _sums(found)
    counted = Counter(one.what for one in changes)
    said = ", ".join(f"{count} {what}" for what, count in sorted(counted.items())) or "nothing changes"
    say(f"{len(found)} receipts decided again, {left_out} left out: {said}.")
    say(f"Cost: {text.dollars(then)} then, {text.dollars(now)} now; unknown of {unpriced}.")
    if asked:
        say(
            f"These policies read {', '.join(asked)}, which receipts keep only where policies read it then; elsewhere it counted as empty."
        )


def _row(one: Replayed) -> tuple[str, ...]:
    return one.id, one.what, one.key, one.asked, one.served or "-", ",".join(one.now) or "-", ",".join(one.after)
