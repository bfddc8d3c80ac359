"""Collects what a translation can't carry."""

from collections.abc import Iterable

from antiphon.core.receipt import Loss

MOST = 64
"""Losses that are told one by one; of more, only how many there are."""
LEFT_OUT = "left out"


HEADER_BYTES = 2000
"""Most bytes of the header that tells of losses; the receipt has them all."""


def told_losses(losses: tuple[Loss, ...]) -> bytes:
    """The header line that tells a caller of them: each field and what became of it, as a list of RFC 9651."""
    out: list[str] = []
    left = HEADER_BYTES
    for loss in losses:
        one = f"{_quoted(loss.field)};effect={_quoted(loss.effect)}{';adapted' if loss.adapted else ''}"
        left -= len(one) + 2
        if left < 0:
            break
        out.append(one)
    return b"x-antiphon-losses: %b\r\n" % ", ".join(out).encode("ascii", "replace")


def _quoted(text: str) -> str:
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Losses:
    """What one translation drops or changes. Each field is told once, whatever the number of its places."""

    __slots__ = ("_found", "_more")

    def __init__(self) -> None:
        self._found: dict[str, Loss] = {}
        self._more = 0

    def add(self, field: str, why: str, effect: str = LEFT_OUT, *, adapted: bool = False) -> None:
        """Note a loss.

        Args:
            field: Path in the caller's body, such as `messages[2].content[0].image_url`; of an answer, `answer.` and a
                path. It names places, never a caller's text.
            adapted: It was carried in another form, and means the same or nearly so.
        """
        if field in self._found:
            return
        if len(self._found) >= MOST:
            self._more += 1
            return
        self._found[field] = Loss(field=field, why=why, effect=effect, adapted=adapted)

    def all_of(self, names: Iterable[str], path: str, why: str) -> None:
        """Leave out every one of these fields."""
        for name in names:
            self.add(f"{path}.{name}" if path else name, why)

    def told(self) -> tuple[Loss, ...]:
        """In the order in which they were found."""
        if not self._found:
            return ()
        found = tuple(self._found.values())
        if self._more:
            found += (Loss(field="…", why=f"{self._more} more losses", effect=LEFT_OUT),)
        return found
