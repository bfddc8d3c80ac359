"""Trees and proofs, beside the recursive definition of RFC 6962."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control import merkle
from antiphon.control.merkle import BATCH, Frontier, Tree

SIZES = st.integers(1, 3 * BATCH + 7)


def entries(size: int) -> list[bytes]:
    return [f"entry {number}".encode() for number in range(size)]


def by_the_book(some: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not some:
        return sha256(b"").digest()
    if len(some) == 1:
        return sha256(b"\x00" + some[0]).digest()
    split = 1
    while split * 2 < len(some):
        split *= 2
    return sha256(b"\x01" + by_the_book(some[:split]) + by_the_book(some[split:])).digest()


def tree(size: int) -> Tree:
    frontier, batches = Frontier(), list[bytes]()
    hashes = [merkle.leaf(one) for one in entries(size)]
    for one in hashes:
        made = frontier.add(one)
        if made is not None:
            batches.append(made)
    assert len(batches) == size // BATCH
    return Tree(batches, lambda number: hashes[number * BATCH : (number + 1) * BATCH])


def test_the_root_of_the_known_example_is_the_known_one() -> None:
    """Vectors of Certificate Transparency's own tests (google/certificate-transparency, merkletree tests)."""
    leaves = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]

    assert merkle.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root_of(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle.root_of(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert merkle.root_of(leaves).hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"


@given(SIZES)
def test_a_root_is_what_the_book_says_however_it_is_made(size: int) -> None:
    wanted = by_the_book(entries(size))

    assert merkle.root_of(entries(size)) == wanted
    assert merkle.root(size, tree(size).node) == wanted


@given(SIZES, st.data())
def test_a_frontier_goes_on_from_where_it_was_packed(size: int, data: st.DataObject) -> None:
    half = data.draw(st.integers(0, size))
    one = Frontier()
    for entry in entries(size)[:half]:
        one.add(merkle.leaf(entry))
    again = Frontier(one.size, one.packed)
    for entry in entries(size)[half:]:
        again.add(merkle.leaf(entry))

    assert again.root == by_the_book(entries(size))


@given(SIZES, st.data())
def test_an_entry_is_shown_to_stand_where_it_stands_and_nowhere_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    wanted, one = by_the_book(entries(size)), merkle.leaf(entries(size)[index])
    proof = merkle.inclusion(index, size, tree(size).node)

    assert merkle.included(one, index, size, proof, wanted)
    assert not merkle.included(merkle.leaf(b"another"), index, size, proof, wanted)
    if size > 1:
        assert not merkle.included(one, (index + 1) % size, size, proof, wanted)
        assert not merkle.included(one, index, size, proof[:-1], wanted)
    assert not merkle.included(one, index, size, [*proof, wanted], wanted)
    assert not merkle.included(one, size, size, proof, wanted)


@given(SIZES, st.data())
def test_a_list_is_shown_to_have_only_grown(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    before, after = by_the_book(entries(old)), by_the_book(entries(size))
    proof = merkle.consistency(old, size, tree(size).node)

    assert merkle.consistent(old, size, before, after, proof)
    assert not merkle.consistent(old, size, by_the_book([b"other", *entries(old)[1:]]), after, proof)
    if old < size:
        assert not merkle.consistent(old, size, before, by_the_book([*entries(size), b"more"]), proof)
        assert not merkle.consistent(old, size, before, after, [*proof, after])


def test_what_is_not_there_has_no_proof() -> None:
    node = tree(5).node
    with pytest.raises(ValueError, match="no entry 5 among 5"):
        merkle.inclusion(5, 5, node)
    with pytest.raises(ValueError, match="can't be shown"):
        merkle.consistency(6, 5, node)
    with pytest.raises(ValueError, match="can't be shown"):
        merkle.consistency(0, 5, node)
    with pytest.raises(IndexError, match="ends before"):
        merkle.root(9, node)
    with pytest.raises(ValueError, match="whole subtrees"):
        Frontier(3, b"")
    assert not merkle.consistent(0, 5, b"", b"", [])
    assert not merkle.consistent(3, 5, b"", b"", [])
