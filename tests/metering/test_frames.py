import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st
from receipts import receipt_id

from antiphon.metering.frames import MAX_FRAME_BYTES, Kind, frame, frames

RECORDS = st.lists(
    st.tuples(st.sampled_from(Kind), st.integers(0, 9).map(receipt_id), st.binary(max_size=20)), max_size=4
)
Record = tuple[Kind, str, bytes]


def file_of(records: list[Record], base: int = 0) -> bytes:
    data = b""
    for record in records:
        data += frame(*record, base + len(data))
    return data


def read(data: bytes, base: int = 0) -> list[Record]:
    return [(one.kind, one.id, one.payload) for one in frames(data, base)]


@given(RECORDS, st.integers(0, 10**12))
def test_records_come_back_as_they_were_written(records: list[Record], base: int) -> None:
    data = file_of(records, base)

    found = list(frames(data, base))

    assert [(one.kind, one.id, one.payload) for one in found] == records
    ends = [base + len(file_of(records[: number + 1])) for number in range(len(records))]
    assert [one.end for one in found] == ends


@given(RECORDS)
def test_a_file_cut_at_any_byte_gives_the_records_before_the_cut(records: list[Record]) -> None:
    data = file_of(records)
    ends = [len(file_of(records[:count])) for count in range(len(records) + 1)]

    for cut in range(len(data)):
        whole = max(count for count, end in enumerate(ends) if end <= cut)
        assert read(data[:cut]) == records[:whole]


@given(RECORDS.filter(bool), st.data())
def test_a_changed_byte_ends_the_file_before_its_record(records: list[Record], data: st.DataObject) -> None:
    written = bytearray(file_of(records))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    hurt = next(count for count in range(len(records)) if place < len(file_of(records[: count + 1])))

    assert read(bytes(written)) == records[:hurt]


@given(RECORDS, st.binary(max_size=100))
def test_noise_behind_the_records_is_no_record(records: list[Record], noise: bytes) -> None:
    assert read(file_of(records) + noise) == records


@given(RECORDS, st.integers(0, 200))
def test_zeros_behind_the_records_are_no_record(records: list[Record], count: int) -> None:
    """A length of 0 and the checksum of nothing, 0, agree; a loss of power leaves such blocks behind."""
    assert read(file_of(records) + bytes(count)) == records


def test_a_record_of_an_unknown_kind_ends_the_file() -> None:
    rest = b"\x7f" + receipt_id(1).encode()
    seed = len(frame(Kind.OPENED, receipt_id(1), b"a", 0))
    unknown = struct.pack("<II", len(rest), zlib.crc32(rest, seed)) + rest

    assert read(frame(Kind.OPENED, receipt_id(1), b"a", 0) + unknown) == [(Kind.OPENED, receipt_id(1), b"a")]


def test_a_length_beyond_the_bound_is_not_believed() -> None:
    assert read(struct.pack("<II", MAX_FRAME_BYTES + 1, 0) + bytes(100)) == []


@given(RECORDS.filter(bool), st.integers(0, 10**12), st.integers(1, 2**31))
def test_what_an_earlier_round_left_behind_is_no_record(records: list[Record], base: int, later: int) -> None:
    assert read(file_of(records, base), base + later) == []
