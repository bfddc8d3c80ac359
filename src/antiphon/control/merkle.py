"""Merkle trees over a growing list, with proofs that an entry stands in it and that it only grew.

Source: RFC 6962, section 2.1; RFC 9162, sections 2.1.3.2 and 2.1.4.2, how proofs are checked.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

BATCH_BITS = 8
BATCH = 1 << BATCH_BITS
"""Leaves of a batch, whose root is stored, so that a proof reads two batches and the roots of all others."""
EMPTY = sha256(b"").digest()
"""Root of a tree without leaves."""
HASH_BYTES = 32
Node = Callable[[int, int], bytes]
"""Hash of a whole subtree, by its level (0: leaves) and its number among those of its level."""


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the whole subtrees that make a list up, the largest first: all that is needed to let it grow."""

    def __init__(self, size: int = 0, packed: bytes = b"") -> None:
        """Raises: ValueError, when `packed` is not that of a list of this size."""
        self.size = size
        self._roots = [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
        if len(packed) != HASH_BYTES * size.bit_count():
            raise ValueError(
                f"a list of {size} has {size.bit_count()} whole subtrees, and {len(packed)} bytes were given"
            )

    def add(self, one: bytes) -> bytes | None:
        """Add a leaf. Returns: the root of the batch that it completes, if it does."""
        self._roots.append(one)
        self.size += 1
        merged, level, made = self.size, 0, None
        while merged % 2 == 0:
            right, left = self._roots.pop(), self._roots.pop()
            self._roots.append(parent(left, right))
            merged //= 2
            level += 1
            if level == BATCH_BITS:
                made = self._roots[-1]
        return made

    @property
    def root(self) -> bytes:
        if not self._roots:
            return EMPTY
        *rest, out = self._roots
        for one in reversed(rest):
            out = parent(one, out)
        return out

    @property
    def packed(self) -> bytes:
        return b"".join(self._roots)


class Tree:
    """Reads hashes of subtrees out of the roots of whole batches, and of leaves where it must."""

    def __init__(self, batches: Sequence[bytes], leaves: Callable[[int], Sequence[bytes]]) -> None:
        """`leaves` gives the hashes of the leaves of a batch, by its number."""
        self._batches = batches
        self._leaves = leaves
        self._known: dict[int, Sequence[bytes]] = {}

    def node(self, level: int, number: int) -> bytes:
        """Raises: IndexError, when it is not there whole."""
        if level == BATCH_BITS:
            return self._batches[number]
        if level > BATCH_BITS:
            return parent(self.node(level - 1, 2 * number), self.node(level - 1, 2 * number + 1))
        batch, first = divmod(number << level, BATCH)
        some = self._of(batch)[first : first + (1 << level)]
        if len(some) < 1 << level:
            raise IndexError(f"the list ends before entry {(number + 1) << level}")
        return _whole(some)

    def _of(self, batch: int) -> Sequence[bytes]:
        if batch not in self._known:
            self._known[batch] = self._leaves(batch)
        return self._known[batch]


def _whole(hashes: Sequence[bytes]) -> bytes:
    row = list(hashes)
    while len(row) > 1:
        row = [parent(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def root_of(entries: Iterable[bytes]) -> bytes:
    """Root over the entries themselves."""
    frontier = Frontier()
    for entry in entries:
        frontier.add(leaf(entry))
    return frontier.root


def root(size: int, node: Node) -> bytes:
    """Root of the first entries of a list."""
    return _range(0, size, node) if size else EMPTY


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Proof that an entry stands at an index (from 0) of the first `size`. Raises: ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"there is no entry {index} among {size}")
    out: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            out.append(_range(middle, high, node))
            high = middle
        else:
            out.append(_range(low, middle, node))
            low = middle
    return out[::-1]


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """Proof that a list of `new` entries begins with the one of `old`. Raises: ValueError."""
    if not 0 < old <= new:
        raise ValueError(f"a list of {new} can't be shown to go on from one of {old}")
    out: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            out.append(_range(middle, high, node))
            high = middle
        else:
            out.append(_range(low, middle, node))
            low, whole = middle, False
    if not whole:
        out.append(_range(low, high, node))
    return out[::-1]


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


def _range(low: int, high: int, node: Node) -> bytes:
    size = high - low
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(size)
    return parent(_range(low, middle, node), _range(middle, high, node))


def included(one: bytes, index: int, size: int, proof: Sequence[bytes], wanted: bytes) -> bool:
    """Whether a proof leads from a leaf's hash to a root."""
    if not 0 <= index < size:
        return False
    number, last, out = index, size - 1, one
    for other in proof:
        if last == 0:
            return False
        if number % 2 or number == last:
            out = parent(other, out)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            out = parent(out, other)
        number, last = number >> 1, last >> 1
    return last == 0 and out == wanted


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof leads from the root of `old` entries to that of `new`."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    number, last = old - 1, new - 1
    while number % 2:
        number, last = number >> 1, last >> 1
    first, *rest = path
    before = after = first
    for other in rest:
        if last == 0:
            return False
        if number % 2 or number == last:
            before, after = parent(other, before), parent(other, after)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            after = parent(after, other)
        number, last = number >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
