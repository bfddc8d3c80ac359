"""What was used in the last minute."""

SLOT_S = 5
SLOTS = 13
"""Twelve whole slots and the one that runs: always sixty seconds at least."""


class Minute:
    """Sums amounts over the last minute.

    The sum never leaves out what is younger than 60 s, and never holds what is older than 65 s, so a limit
    that is held against it is held in every minute, wherever the minute starts. Times never go back.
    """

    __slots__ = ("_slot", "_slots", "_total")

    def __init__(self) -> None:
        self._slots = [0] * SLOTS
        self._slot = 0
        self._total = 0

    def add(self, amount: int, now_s: float) -> None:
        """Count an amount; a negative one takes back what was counted too much."""
        slot = int(now_s // SLOT_S)
        if slot != self._slot:
            self._move(slot)
        self._slots[slot % SLOTS] += amount
        self._total += amount

    def used(self, now_s: float) -> int:
        """The sum now."""
        slot = int(now_s // SLOT_S)
        if slot != self._slot:
            self._move(slot)
        return self._total

    def free_at_s(self, most: int, now_s: float) -> float:
        """When the sum will have fallen to `most`, if nothing is added; `now_s` when it has."""
        left = self.used(now_s)
        if left <= most:
            return now_s
        for slot in range(self._slot - SLOTS + 1, self._slot + 1):
            left -= self._slots[slot % SLOTS]
            if left <= most:
                return float((slot + SLOTS) * SLOT_S)
        return float((self._slot + SLOTS) * SLOT_S)

    def _move(self, slot: int) -> None:
        """Empty the slots that a minute has passed over."""
        for passed in range(max(self._slot + 1, slot - SLOTS + 1), slot + 1):
            self._total -= self._slots[passed % SLOTS]
            self._slots[passed % SLOTS] = 0
        self._slot = slot
