"""Whoever guesses credentials is slowed down, and nobody else. Counted, never timed."""

import gc
import sys
from types import FrameType
from typing import Any, cast

import pytest
from fakes.clock import StoppedClock
from hypothesis import given
from hypothesis import strategies as st

from antiphon.app.doors import doors_of
from antiphon.control import key_text
from antiphon.control.callers import Callers, Doors
from antiphon.control.issuers import Issuers
from antiphon.control.owned import Owned
from antiphon.control.settings import KeySettings
from antiphon.control.settings_identity import IdentitySettings, ThrottleSettings
from antiphon.control.throttle import Throttle, network
from antiphon.core.error import NotAuthenticated, OverLimit
from antiphon.core.peer import Peer
from antiphon.core.ports import GUESSED, Transport
from antiphon.core.secret import Secret

NS = 1_000_000_000
ATTACKER, VICTIM = Peer("192.0.2.66"), Peer("192.0.2.7")
SHORT, LONG = "sk-short-01", key_text.make(b"k" * 32)
FEW = ThrottleSettings(failures=3, first_s=1, most_s=8, forget_s=100)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def callers(clock: StoppedClock) -> Callers:
    keys = [KeySettings(name="weak", key=Secret(SHORT)), KeySettings(name="strong", key=Secret(LONG))]
    doors = doors_of(cast("Transport", None), clock)
    return Callers(keys, Owned(), doors, IdentitySettings(throttle=FEW))


async def guess(callers: Callers, text: str, peer: Peer = ATTACKER) -> type[Exception]:
    with pytest.raises((NotAuthenticated, OverLimit)) as raised:
        await callers.learn(text.encode(), peer)
    return raised.type


async def hold_off(callers: Callers) -> None:
    for number in range(3):
        assert await guess(callers, f"sk-wrong-{number}") is NotAuthenticated


async def test_guesses_are_held_off_longer_and_longer(callers: Callers, clock: StoppedClock) -> None:
    await hold_off(callers)
    for held_s in (1, 2, 4, 8, 8):
        with pytest.raises(OverLimit) as raised:
            await callers.learn(b"sk-more-wrong", ATTACKER)
        assert (raised.value.said_status, raised.value.said_code) == (429, "too_many_guesses")
        assert raised.value.retry_after_s == held_s
        clock.at_ns += held_s * NS
        assert await guess(callers, f"sk-after-{clock.at_ns}") is NotAuthenticated


async def test_another_address_is_told_what_is_wrong(callers: Callers) -> None:
    await hold_off(callers)
    assert await guess(callers, "other-key-0") is OverLimit
    assert await guess(callers, "other-key-1", VICTIM) is NotAuthenticated


async def test_what_nobody_could_guess_passes_from_an_address_that_is_held_off(callers: Callers) -> None:
    await hold_off(callers)
    assert (await callers.learn(LONG.encode(), ATTACKER)).key == "strong"
    assert callers.principal(LONG.encode()) is not None


async def test_a_short_key_can_t_be_found_by_trying(callers: Callers, clock: StoppedClock) -> None:
    await hold_off(callers)
    assert await guess(callers, SHORT) is OverLimit
    clock.at_ns += NS
    assert (await callers.learn(SHORT.encode(), ATTACKER)).key == "weak"


async def test_whoever_came_before_the_attack_is_not_locked_out(callers: Callers) -> None:
    behind_one_address = ATTACKER
    assert await callers.learn(SHORT.encode(), behind_one_address)
    await hold_off(callers)
    assert await guess(callers, "sk-wrong-9") is OverLimit
    assert (await callers.learn(SHORT.encode(), behind_one_address)).key == "weak"
    assert (await callers.learn(SHORT.encode(), VICTIM)).key == "weak"


async def test_the_same_wrong_key_again_is_no_guess(callers: Callers) -> None:
    for _ in range(100):
        assert await guess(callers, "sk-old-key-1") is NotAuthenticated
    assert await guess(callers, "sk-old-key-2") is NotAuthenticated


async def test_no_key_at_all_is_no_guess(callers: Callers) -> None:
    for _ in range(100):
        with pytest.raises(NotAuthenticated):
            await callers.learn(None, ATTACKER)
    await hold_off(callers)


async def test_it_is_forgotten(callers: Callers, clock: StoppedClock) -> None:
    for _ in range(5):
        assert await guess(callers, f"sk-a-{clock.at_ns}") is NotAuthenticated
        assert await guess(callers, f"sk-b-{clock.at_ns}") is NotAuthenticated
        clock.at_ns += 100 * NS


async def test_guesses_at_one_key_from_everywhere_are_noticed(callers: Callers) -> None:
    for number in range(30):
        assert await guess(callers, f"sk-short-{number:05}", Peer(f"198.51.100.{number}")) is NotAuthenticated
    assert await guess(callers, "sk-short-99999", Peer("203.0.113.1")) is OverLimit
    assert (await callers.learn(SHORT.encode(), Peer("203.0.113.2"))).key == "weak"


async def test_it_is_told_of_each_guess(clock: StoppedClock) -> None:
    told: list[tuple[str, str, float]] = []
    doors = Doors(
        clock=clock,
        issuers=Issuers(cast("Transport", None), clock),
        throttle=Throttle(FEW, clock.steady_s),
        refused=lambda peer, error, held_s: told.append((peer.address, error.said_code, held_s)),
    )
    callers = Callers([KeySettings(name="a", key=Secret(LONG))], Owned(), doors, IdentitySettings(throttle=FEW))
    await hold_off(callers)
    await guess(callers, "sk-wrong-4")
    assert told == [("192.0.2.66", "invalid_api_key", 0.0)] * 3 + [("192.0.2.66", "invalid_api_key", 1.0)]


@given(st.lists(st.tuples(st.integers(0, 50), st.binary(max_size=20), st.integers(0, 5)), max_size=200))
def test_whatever_comes_it_is_bounded(tries: list[tuple[int, bytes, int]]) -> None:
    clock = StoppedClock()
    throttle = Throttle(FEW, clock.steady_s, most=10)
    for number, text, gap_s in tries:
        clock.at_ns += gap_s * NS
        assert 0 <= throttle.failed(f"10.0.0.{number}", text, text) <= FEW.most_s
        assert 0 <= throttle.passes(f"10.0.0.{number}", text) <= FEW.most_s
        assert throttle.size <= 10
        assert len(throttle._passed) <= 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8:1:2::5", "2001:db8:1:2:ffff::6", True),
        ("2001:db8:1:2::5", "2001:db8:1:3::5", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "no address", True),
    ],
)
def test_an_address_stands_for_whoever_can_pick_it(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


async def work(callers: Callers, text: str) -> tuple[str, ...]:
    """Every function, of C too, that is called until a credential is known to be wrong, in order."""
    called: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_qualname)
        elif event == "c_call":
            called.append(argument.__qualname__)

    gc.collect()
    gc.disable()  # what others left to be collected is none of this work
    sys.setprofile(note)
    try:
        await callers.learn(text.encode(), ATTACKER)
    except NotAuthenticated:
        return tuple(called[: called.index("Throttle.failed")])
    finally:
        sys.setprofile(None)
        gc.enable()
    raise AssertionError("it was taken")


def near(text: str, at: int) -> str:
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


async def test_a_nearly_right_key_takes_the_same_work_as_a_wrong_one(callers: Callers) -> None:
    """No operation depends on how much of a key is right: each is hashed whole, and found by its digest or not."""
    callers._doors.throttle.settings = ThrottleSettings(failures=1_000_000)
    wrong = (near(LONG, 3), near(LONG, len(LONG) - 1), near(LONG, 20), LONG[:-1] + "z", "ak-" + "x" * 49)
    works = {await work(callers, text) for text in wrong}
    assert len(works) == 1
    done = works.pop()
    assert done.count("openssl_sha256") == 2
    assert "compare_digest" not in done
    unknown = {await work(callers, text) for text in (key_text.make(b"x" * 32), key_text.make(b"y" * 32))}
    assert len(unknown) == 1


def test_the_same_is_said_of_every_unknown_key(callers: Callers) -> None:
    said = {callers.refusal(text.encode()).message for text in (key_text.make(b"y" * 32), "x" * 30, SHORT + "x")}
    assert len(said) == 1
    cut: set[Any] = {callers.refusal(text.encode()).message for text in (near(LONG, 9), LONG[:-1], "ak-1")}
    assert len(cut) == 1
    assert said != cut


def test_generated_keys_are_beyond_guessing() -> None:
    assert key_text.LENGTH >= GUESSED
