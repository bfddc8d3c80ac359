from hypothesis import given
from hypothesis import strategies as st
from odd_receipts import attempt, rich, whole

from antiphon.control.waterfall import SCALE, waterfall
from antiphon.core.receipt import Timings

AT_NS = 1_796_000_000 * 10**9
times = st.one_of(st.none(), st.integers(0, 10**10))


def test_bars_share_one_axis_and_say_how_attempts_ended() -> None:
    found = waterfall(rich(AT_NS, 1))

    assert found.span_us == 4_210_000
    assert [(one.label, one.state) for one in found.bars] == [
        ("request", "ok"),
        ("gpt-main", "failed"),
        ("gpt-backup", "ok"),
        ("claude-main", "ok"),
    ]
    request, first, second, last = found.bars
    assert (request.start, request.length) == (0, SCALE)
    assert first.start + first.length < second.start, "one after the other"
    assert last.start + last.length <= SCALE
    assert [one.name for one in second.phases] == [
        "waited",
        "queue",
        "connect",
        "first_byte",
        "first_token",
        "last_byte",
    ]
    assert second.phases[0].start + second.phases[0].length <= second.start + 1, "it waited before it began"
    assert [place for place, _ in found.ticks] == [0, 2500, 5000, 7500, SCALE]
    assert found.ticks[-1][1] == found.span_us


@given(
    duration_us=st.integers(0, 10**10),
    started=st.lists(st.tuples(st.integers(0, 10**10), times, times, times, times, times, times), max_size=5),
)
def test_no_bar_leaves_the_axis_or_goes_missing(duration_us: int, started: list[tuple[int, ...]]) -> None:
    attempts = tuple(
        attempt(
            "one", begun, 0,
            timings=Timings(waited_us=waited, queue_us=queue, connect_us=connect, first_byte_us=byte,
                            first_token_us=token, last_byte_us=last),
        )
        for begun, waited, queue, connect, byte, token, last in started
    )  # fmt: skip
    found = waterfall(whole(AT_NS, 1, duration_us=duration_us, attempts=attempts))

    assert len(found.bars) == 1 + len(attempts)
    for bar in found.bars:
        for piece in (bar, *bar.phases):
            assert 0 <= piece.start < SCALE
            assert 1 <= piece.length <= SCALE - piece.start or piece is found.bars[0]
