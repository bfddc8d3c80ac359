"""Values as people read them, and columns of them."""

from collections.abc import Iterable, Sequence

from antiphon.cli.terminal import clean
from antiphon.core.money import NanoUsd, as_usd
from antiphon.core.usage import Usage

GAP = "  "


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> list[str]:
    """Lines with cells beneath each other; the last column takes what room it needs."""
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in ([head] if head else []) + list(rows)]
    if not cells:
        return []
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Names and what they stand for, without those that stand for nothing."""
    return table([(name, value) for name, value in rows if value])


def indented(lines: Iterable[str]) -> list[str]:
    return [GAP + line for line in lines]


def seconds(value_s: float) -> str:
    """`1.20 s`, `48 ms`, `0.6 ms`."""
    if value_s >= 1:
        return f"{value_s:.2f} s"
    millis = value_s * 1000
    return f"{millis:.0f} ms" if millis >= 10 else f"{millis:.1f} ms"


def micros(value_us: int | None) -> str:
    """A number of microseconds; a dash when there is none."""
    return "-" if value_us is None else seconds(value_us / 1e6)


def dollars(nano_usd: int) -> str:
    """`$0.00003795`: every digit that counts, two at least behind the point."""
    whole, _, rest = as_usd(NanoUsd(nano_usd)).partition(".")
    return f"${whole}.{rest.rstrip('0').ljust(2, '0')}"


def size(count: int) -> str:
    """`512 bytes`, `1.2 MB`; decimal multiples."""
    amount, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"


def tokens(usage: Usage) -> str:
    """`9 tokens in (4 cached), 61 out (20 reasoning)`; kinds that are 0 are left out."""
    into = _kinds(
        (usage.cached_tokens, "cached"),
        (usage.cache_write_tokens, "written to the cache"),
        (usage.input_audio_tokens, "audio"),
        (usage.input_image_tokens, "image"),
    )
    out = _kinds((usage.reasoning_tokens, "reasoning"), (usage.output_audio_tokens, "audio"))
    return f"{counted(usage.input_tokens, 'token')} in{into}, {usage.output_tokens} out{out}"


def _kinds(*kinds: tuple[int, str]) -> str:
    said = ", ".join(f"{count} {what}" for count, what in kinds if count)
    return f" ({said})" if said else ""


def counted(count: int, noun: str) -> str:
    """`1 mistake`, `2 mistakes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
