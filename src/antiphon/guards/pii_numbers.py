"""Numbers in a unit: groups of digits and letters, looked up by their shape."""

import re
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from antiphon.guards.pii_checks import IBAN_LENGTHS, mod_97
from antiphon.guards.pii_kinds import Kind, shapes_of
from antiphon.guards.pii_phone import PHONE, phone, phone_shaped
from antiphon.guards.pii_spoken import Spoken

Place = tuple[str, int, int, float]
_GROUP = re.compile(r"[0-9A-Za-zÀ-ÖØ-öø-ɏ]+")
_SHAPE = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "9" * 10 + "A" * 52)
_MOST_GROUPS = 9
_BOUND = frozenset("-_./+@~")
"""Between alphanumeric characters they join what is no number of its own."""
_DEFAULT_LAYOUT = re.compile(r"[0-9A-Za-z]+(?:([ .\-\u00a0])[0-9A-Za-z]+(?:\1[0-9A-Za-z]+)*)?")
_IBAN = re.compile(r"[0-9A-Za-z]+(?:[ \-\u00a0][0-9A-Za-z]+)*")
_AFTER = re.compile(r"[ -]{1,2}(?:office|mobile|cell|home|work|fax|tel|phone)(?![A-Za-z])", re.IGNORECASE)


class _Look(Struct, frozen=True, gc=False):
    kind: Kind
    order: int
    layout: re.Pattern[str]
    alone_as: re.Pattern[str] | None


class Numbers:
    """Finds numbers of kinds with a shape, IBANs and telephone numbers."""

    def __init__(self, kinds: Sequence[Kind], names: Collection[str], *, anyhow: bool) -> None:
        """`anyhow`: a shape counts though no word speaks of it."""
        self._anyhow = anyhow
        self._iban = "iban" in names
        self._phone = "phone" in names
        self._by_shape: dict[str, list[_Look]] = {}
        for order, kind in enumerate(kinds):
            look = _Look(
                kind,
                order,
                re.compile(kind.layout) if kind.layout else _DEFAULT_LAYOUT,
                re.compile(kind.alone_as) if kind.alone_as else None,
            )
            for written in kind.shapes:
                for shape in shapes_of(written):
                    self._by_shape.setdefault(shape, []).append(look)

    def read(self, unit: str, spoken: Spoken) -> Iterator[Place]:
        """Places in a unit that don't overlap."""
        groups = [(found.start(), found.end()) for found in _GROUP.finditer(unit)]
        shapes = [unit[start:end].translate(_SHAPE) for start, end in groups]
        phones = list(self._phones(unit, spoken)) if self._phone else []
        at = 0
        while at < len(groups):
            place = self._at(unit, groups, shapes, at, spoken) if self._free(unit, groups[at][0], groups, at) else None
            if place is not None:
                over = [one for one in phones if one[1] < place[2] and one[2] > place[1]]
                if any(one[3] > place[3] for one in over):
                    place = None
                else:
                    phones = [one for one in phones if one not in over]
            if place is None:
                at += 1
                continue
            yield place
            while at < len(groups) and groups[at][0] < place[2]:
                at += 1
        yield from phones

    @staticmethod
    def _free(unit: str, start: int, groups: Sequence[tuple[int, int]], at: int) -> bool:
        """Nothing before it makes it a part of a longer word."""
        return not (at and unit[start - 1] in _BOUND and groups[at - 1][1] == start - 1)

    def _at(
        self, unit: str, groups: Sequence[tuple[int, int]], shapes: Sequence[str], at: int, spoken: Spoken
    ) -> Place | None:
        """The longest number that begins with a group."""
        if self._iban and shapes[at][:4] == "AA99":
            place = self._iban_at(unit, groups, at)
            if place is not None:
                return place
        last = min(len(groups), at + _MOST_GROUPS)
        begin = groups[at][0]
        shape = ""
        windows: list[tuple[str, int]] = []
        for to in range(at, last):
            if to > at and groups[to][0] - groups[to - 1][1] > 3:
                break
            shape += shapes[to]
            if len(shape) > 19:
                break
            if shape in self._by_shape:
                windows.append((shape, to))
        for shape, to in reversed(windows):
            end = groups[to][1]
            if end < len(unit) and unit[end] in _BOUND and to + 1 < len(groups) and groups[to + 1][0] == end + 1:
                continue
            place = self._looked(unit, begin, end, self._by_shape[shape], spoken)
            if place is not None:
                return place
        return None

    def _looked(self, unit: str, begin: int, end: int, looks: Sequence[_Look], spoken: Spoken) -> Place | None:
        raw = unit[begin:end]
        compact = "".join(_GROUP.findall(raw)).upper()
        best: tuple[float, int, int, _Look] | None = None
        for look in looks:
            near = spoken.of(look.kind.name)
            alone = look.kind.alone or (look.alone_as is not None and look.alone_as.fullmatch(raw) is not None)
            if not (near or alone or self._anyhow) or look.layout.fullmatch(raw) is None:
                continue
            if look.kind.check is not None and not look.kind.check(compact):
                continue
            score = (1.0 if near else look.kind.score) if alone else (0.85 if near else 0.3)
            rank = (score if alone else 0.0, near, -look.order, look)
            if best is None or rank[:3] > best[:3]:
                best = rank
        if best is None:
            return None
        look = best[3]
        alone = best[0] > 0
        score = (1.0 if best[1] else look.kind.score) if alone else (0.85 if best[1] else 0.3)
        return look.kind.name, begin, end, score

    @staticmethod
    def _iban_at(unit: str, groups: Sequence[tuple[int, int]], at: int) -> Place | None:
        begin = groups[at][0]
        wanted = IBAN_LENGTHS.get(unit[begin : begin + 2].upper())
        text = ""
        for start, end in groups[at:] if wanted else ():
            text += unit[start:end].upper()
            if len(text) >= wanted:  # type: ignore[operator]  # there is a length
                good = len(text) == wanted and text.isascii() and _IBAN.fullmatch(unit, begin, end) and mod_97(text)
                return ("iban", begin, end, 1.0) if good else None
        return None

    def _phones(self, unit: str, spoken: Spoken) -> Iterator[Place]:
        for found in PHONE.finditer(unit):
            near = _AFTER.match(unit, found.end()) is not None or bool(spoken.of("phone"))
            score = phone(found[0], spoken=near) or (0.3 if self._anyhow and phone_shaped(found[0]) else 0.0)
            if score:
                yield "phone", found.start(), found.end(), score
