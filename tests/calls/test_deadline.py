import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.deadline import LATE_S, Deadline, attempt, decide, exceeded, hurried, told
from antiphon.core.deployment import Timeouts
from antiphon.core.error import BadRequest, UpstreamTimeout

NOW = 1000.0
OWN = Timeouts(connect_s=5, first_byte_s=120, between_bytes_s=60, total_s=600)
seconds = st.floats(0.01, 10_000)


def decided(server_s: float = 600.0, route_s: float | None = None, *, stream: bool = False, **said: str) -> Deadline:
    headers = {name.replace("_", "-").encode(): value.encode() for name, value in said.items()}
    return decide(headers, now_s=NOW, server_s=server_s, route_s=route_s, stream=stream)


def test_a_request_that_asks_for_nothing_has_the_servers_time() -> None:
    assert decided() == Deadline(at_s=NOW + 600, bound="server", allowed_s=600)


@pytest.mark.parametrize(
    ("written", "asked_s"),
    [("1.5", 1.5), ("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("7", 7.0), ("0.001", 0.001), ("1ms", 0.001)],
)
def test_a_request_says_its_time_in_seconds_or_with_a_unit(written: str, asked_s: float) -> None:
    deadline = decided(x_antiphon_timeout=written)

    assert (deadline.allowed_s, deadline.bound, deadline.header) == (asked_s, "request", "x-antiphon-timeout")
    assert told(deadline) == b""


@pytest.mark.parametrize(
    "written",
    ["", "0", "0s", "0.0", "-1", "-5s", "1e3", "nan", "inf", "5h", "5 s", "s", ".5", "1_0", "٣", "1.5.2", "0.0001ms"],
)
def test_a_time_that_is_none_is_answered_with_the_header_and_the_remedy(written: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decide({b"x-antiphon-timeout": written.encode()}, now_s=NOW, server_s=600)

    assert refused.value.param == "x-antiphon-timeout"
    assert "x-antiphon-timeout" in refused.value.message
    assert "500ms" in refused.value.message


@pytest.mark.parametrize("header", ["x-stainless-read-timeout", "x-stainless-timeout", "x-server-timeout"])
@pytest.mark.parametrize("written", ["", "-1", "nan", "soon", "-inf", "0.0"])
def test_an_sdk_header_that_is_no_time_is_answered_too(header: str, written: str) -> None:
    with pytest.raises(BadRequest, match=header):
        decide({header.encode(): written.encode()}, now_s=NOW, server_s=600)


def test_the_server_caps_what_a_request_asks_for_and_says_so() -> None:
    deadline = decided(server_s=600, x_antiphon_timeout="900")

    assert (deadline.allowed_s, deadline.bound, deadline.capped_from_s) == (600, "server", 900)
    assert told(deadline) == b"x-antiphon-timeout: 600; asked=900; by=server\r\n"


def test_the_route_bounds_a_request_below_the_server() -> None:
    assert decided(route_s=30).bound == "route"
    assert decided(route_s=900).bound == "server"
    capped = decided(route_s=30, x_antiphon_timeout="45")
    assert (capped.allowed_s, capped.bound, capped.capped_from_s) == (30, "route", 45)
    assert decided(route_s=30, x_antiphon_timeout="10").bound == "request"


def test_the_openai_sdk_bounds_a_whole_answer_as_a_whole() -> None:
    deadline = decided(x_stainless_read_timeout="20.0")

    assert (deadline.allowed_s, deadline.header) == (20, "x-stainless-read-timeout")
    assert (deadline.head_at_s, deadline.silence_s) == (None, None)


def test_the_openai_sdk_bounds_each_silence_of_a_stream_and_not_the_whole() -> None:
    deadline = decided(stream=True, x_stainless_read_timeout="20.0")

    assert (deadline.allowed_s, deadline.bound, deadline.silence_s) == (600, "server", 20)
    assert deadline.head_at_s == NOW + 20
    assert attempt(deadline, OWN, now_s=NOW + 5) == Timeouts(
        connect_s=5, first_byte_s=15, between_bytes_s=20, total_s=595
    )


def test_the_sdk_for_node_bounds_the_head_of_a_stream_alone() -> None:
    deadline = decided(stream=True, x_stainless_timeout="20")

    assert (deadline.head_at_s, deadline.silence_s, deadline.allowed_s) == (NOW + 20, None, 600)


def test_an_sdk_timeout_below_a_second_is_not_refused_although_it_is_sent_as_zero() -> None:
    assert decided(x_stainless_timeout="0").allowed_s == 1.0


def test_an_sdk_that_waits_for_ever_bounds_nothing() -> None:
    assert decided(x_stainless_read_timeout="inf").bound == "server"
    assert decided(stream=True, x_stainless_read_timeout="inf") == decided()


def test_the_least_of_several_wishes_counts() -> None:
    deadline = decided(x_antiphon_timeout="10", x_stainless_read_timeout="600", x_server_timeout="5")

    assert (deadline.allowed_s, deadline.header) == (5, "x-server-timeout")


def test_an_attempt_with_time_enough_has_its_own_timeouts() -> None:
    assert attempt(decided(server_s=700), OWN, now_s=NOW) is OWN


def test_an_attempt_gets_no_more_than_what_is_left() -> None:
    deadline = decided(x_antiphon_timeout="30")

    assert attempt(deadline, OWN, now_s=NOW + 28) == Timeouts(connect_s=2, first_byte_s=2, between_bytes_s=2, total_s=2)
    assert attempt(deadline, OWN, now_s=NOW + 30) is None
    assert attempt(deadline, OWN, now_s=NOW + 31) is None


def test_the_head_must_come_by_the_sooner_of_both_and_is_no_matter_once_it_has() -> None:
    limit = Deadline(at_s=10.0, bound="server", allowed_s=10.0, head_at_s=4.0)

    assert (limit.head_by_s(begun=False), limit.head_by_s(begun=True)) == (4.0, 10.0)
    assert Deadline(at_s=10.0, bound="server", allowed_s=10.0).head_by_s(begun=False) == 10.0


def test_what_ended_a_request_says_who_allowed_no_more() -> None:
    asked = Deadline(at_s=10.0, bound="request", allowed_s=1.5, header="x-antiphon-timeout")
    cause = UpstreamTimeout("no first byte")

    error = exceeded(asked, cause)

    assert error.message == "no whole answer came within the 1.5 s that the header x-antiphon-timeout allows"
    assert (error.noted, error.__cause__, error.spent) == (f"{error.message}; no first byte", cause, True)
    assert "that the route allows" in exceeded(Deadline(at_s=10.0, bound="route", allowed_s=1.5)).message
    assert "the caller's own client had given up" in exceeded(asked, over=False).message


def test_a_caller_that_has_the_head_waits_on_although_its_patience_for_one_is_over() -> None:
    deadline = decided(stream=True, x_stainless_timeout="20")

    assert attempt(deadline, OWN, now_s=NOW + 25) is None
    assert attempt(deadline, OWN, now_s=NOW + 25, begun=True) is not None


@given(
    server_s=seconds,
    route_s=st.none() | seconds,
    asked_s=st.none() | seconds,
    silence_s=st.none() | seconds,
    stream=st.booleans(),
    later_s=st.floats(0, 10_000),
    own=st.builds(Timeouts, connect_s=seconds, first_byte_s=seconds, between_bytes_s=seconds, total_s=seconds),
)
def test_no_attempt_outlives_any_bound_by_more_than_can_be_told(
    server_s: float,
    route_s: float | None,
    asked_s: float | None,
    silence_s: float | None,
    stream: bool,
    later_s: float,
    own: Timeouts,
) -> None:
    said: dict[str, str] = {}
    if asked_s is not None:
        said["x_antiphon_timeout"] = f"{asked_s:.9f}"
    if silence_s is not None:
        said["x_stainless_read_timeout"] = f"{silence_s:.9f}"
    deadline = decided(server_s, route_s, stream=stream, **said)
    given_s = attempt(deadline, own, now_s=NOW + later_s)

    for bound_s in (server_s, route_s, asked_s, None if stream else silence_s):
        assert bound_s is None or deadline.allowed_s <= bound_s + 1e-6
    if given_s is not None:
        assert NOW + later_s + given_s.total_s <= deadline.at_s + LATE_S + 1e-6
        for mine, its in ((given_s.connect_s, own.connect_s), (given_s.first_byte_s, own.first_byte_s)):
            assert 0 < mine <= its
        quiet_s = min(given_s.between_bytes_s, given_s.total_s)
        borne_s = float(said["x_stainless_read_timeout"]) if stream and silence_s else 1e9
        assert 0 < quiet_s <= min(own.between_bytes_s, borne_s)


def test_an_attempt_whose_time_is_short_by_less_than_can_be_told_has_its_own_timeouts() -> None:
    own = Timeouts(total_s=30 + LATE_S / 2)

    assert attempt(decided(server_s=30), own, now_s=NOW) is own
    given_s = attempt(decided(server_s=30), Timeouts(total_s=30 + 2 * LATE_S), now_s=NOW)
    assert given_s is not None
    assert given_s.total_s == 30


@pytest.mark.parametrize(
    ("deadline", "now_s", "ran_s", "head", "ours"),
    [
        (decided(), NOW + 60, 60.0, False, False),
        (decided(server_s=60), NOW + 60, 60.0, False, True),
        (decided(server_s=60), NOW + 60, 60.0, True, True),
        (decided(stream=True, x_stainless_timeout="20"), NOW + 20, 20.0, False, True),
        (decided(stream=True, x_stainless_timeout="20"), NOW + 130, 120.0, False, False),
        (decided(stream=True, x_stainless_timeout="20"), NOW + 60, 60.0, True, False),
        (decided(stream=True, x_stainless_read_timeout="5"), NOW + 9, 9.0, True, True),
        (decided(stream=True, x_stainless_read_timeout="5"), NOW + 500, 500.0, True, False),
        (decided(stream=True, x_stainless_read_timeout="90"), NOW + 60, 60.0, True, False),
    ],
    ids=[
        "its first byte was late",
        "the request's time is over",
        "amid the answer",
        "the caller's patience for a head is over",
        "and the deployment's own too",
        "a pause that is the deployment's own",
        "a pause that the caller does not bear",
        "the deployment's whole time",
        "a caller that bears more than the deployment",
    ],
)
def test_a_timeout_is_the_requests_or_the_deployments(
    deadline: Deadline, now_s: float, ran_s: float, head: bool, ours: bool
) -> None:
    own = Timeouts(connect_s=5, first_byte_s=120, between_bytes_s=60, total_s=400)

    assert hurried(deadline, own, now_s=now_s, ran_s=ran_s, head=head) is ours
