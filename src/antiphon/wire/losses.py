"""Collects what a translation can't carry."""

from collections.abc import Iterable

from antiphon.core.receipt import Loss

MOST = 64
"""Losses that are told one by one; of more, only how many there are."""
LEFT_OUT = "left out"
MOST_FIELD = 200
"""Most characters of a field's path; a caller's own names in it may be of any length."""
MORE = "…"
"""Stands for the fields of all other losses."""
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
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text.replace(MORE, "..."))
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Losses:
    """What one translation drops or changes. Each field is told once, as lost where it was both lost and adapted."""

    __slots__ = ("_found", "_lost", "_more")

    def __init__(self) -> None:
        self._found: dict[str, Loss] = {}
        self._more = 0
        self._lost = False
        """One of those that are only counted is lost, and not adapted."""

    def add(self, field: str, why: str, effect: str = LEFT_OUT, *, adapted: bool = False) -> None:
        """Note a loss.

        Args:
            field: Path in the canonical form, in OpenAI's words, such as `messages[2].content[0].image_url`; where bytes
                of the caller's own dialect are passed on, in its body, such as `input[1]`. Of an answer, `answer.` and
                a path. It names places, never a caller's text.
            adapted: It was carried in another form, and means the same or nearly so; or no answer depends on it.
        """
        if len(field) > MOST_FIELD:
            field = field[: MOST_FIELD - 1] + MORE
        known = self._found.get(field)
        if known is not None and (adapted or not known.adapted):
            return
        if known is None and len(self._found) >= MOST:
            self._more += 1
            self._lost = self._lost or not adapted
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
            found += (Loss(field=MORE, why=f"{self._more} more losses", effect=LEFT_OUT, adapted=not self._lost),)
        return found
