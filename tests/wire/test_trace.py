import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.request import Trace
from antiphon.wire.trace import MAX_STATE_BYTES, decode, encode

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEX = st.sampled_from("0123456789abcdef")
TRACES = st.builds(
    Trace,
    trace_id=st.text(HEX, min_size=32, max_size=32).filter(lambda text: int(text, 16)),
    parent_id=st.text(HEX, min_size=16, max_size=16).filter(lambda text: int(text, 16)),
    sampled=st.booleans(),
    state=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40),
)


def headers(lines: bytes) -> dict[bytes, bytes]:
    return dict(line.split(b": ", 1) for line in lines.splitlines())


@given(TRACES)
def test_a_trace_goes_out_as_it_would_come_in(trace: Trace) -> None:
    lines = encode(trace)
    said = headers(lines)

    assert lines.endswith(b"\r\n")
    assert decode(said[b"traceparent"], said.get(b"tracestate")) == trace


@pytest.mark.parametrize(
    ("parent", "sampled"),
    [
        (f"00-{ID}-{SPAN}-01", True),
        (f"00-{ID}-{SPAN}-00", False),
        (f"00-{ID}-{SPAN}-03", True),
        (f"00-{ID}-{SPAN}-02", False),
        (f"cc-{ID}-{SPAN}-01", True),
        (f"cc-{ID}-{SPAN}-01-what-the-future-will-be-like", True),
        (f" 00-{ID}-{SPAN}-01\t", True),
    ],
)
def test_what_the_standard_allows_is_read(parent: str, sampled: bool) -> None:
    assert decode(parent.encode(), b"a=1,b=2") == Trace(trace_id=ID, parent_id=SPAN, sampled=sampled, state="a=1,b=2")


@pytest.mark.parametrize(
    "parent",
    [
        None,
        b"",
        f"ff-{ID}-{SPAN}-01".encode(),
        f"00-{ID}-{SPAN}-01-what-the-future-will-be-like".encode(),
        f"00-{ID}-{SPAN}-01-".encode(),
        f"cc-{ID}-{SPAN}-01.what-the-future-will-be-like".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{ID}-{'0' * 16}-01".encode(),
        f"00-{ID.upper()}-{SPAN}-01".encode(),
        f"00-{ID[1:]}-{SPAN}-01".encode(),
        f"00-{ID}0-{SPAN}-01".encode(),
        f"00-{ID}-{SPAN}".encode(),
        f"00-{ID}-{SPAN}-1".encode(),
        f"0-{ID}-{SPAN}-01".encode(),
        f"00-{ID}-{SPAN}-01, 00-{ID}-{SPAN}-01".encode(),
        f"00-{ID}-{SPAN}-0.".encode(),
        f"00-{ID}-{SPAN}-01\r\nx: y".encode(),
    ],
)
def test_what_the_standard_forbids_is_no_trace(parent: bytes | None) -> None:
    assert decode(parent, b"a=1") is None


@given(st.binary(max_size=70), st.none() | st.binary(max_size=20))
def test_any_bytes_are_read_or_left(parent: bytes, state: bytes | None) -> None:
    found = decode(parent, state)

    assert found is None or len(found.trace_id) == 32


def test_a_state_that_is_too_long_is_left_out() -> None:
    parent = f"00-{ID}-{SPAN}-01".encode()

    kept, left = decode(parent, b"s" * MAX_STATE_BYTES), decode(parent, b"s" * (MAX_STATE_BYTES + 1))

    assert kept is not None
    assert kept.state == "s" * MAX_STATE_BYTES
    assert left is not None
    assert left.state == ""


def test_without_a_trace_nothing_is_sent() -> None:
    assert encode(None) == b""


def test_without_a_state_only_the_parent_is_sent() -> None:
    assert encode(Trace(trace_id=ID, parent_id=SPAN, sampled=True)) == f"traceparent: 00-{ID}-{SPAN}-01\r\n".encode()
