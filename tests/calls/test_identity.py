import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes.house import House
from fakes.loop import NothingLeft, run_virtually
from msgspec.structs import replace
from receipts import ALICE, receipt

from antiphon.calls.attempt import Try
from antiphon.calls.deadline import Deadline
from antiphon.calls.identity import identified
from antiphon.calls.settings import CallsSettings
from antiphon.core.error import DeadlineExceeded
from antiphon.core.principal import Principal
from antiphon.core.receipt import Loss, Receipt
from antiphon.providers.auth.signer import Signer


class Slow(Signer):
    """Has nothing at hand, and takes its time."""

    def __init__(self, seconds: float, *, at_hand: bool = False) -> None:
        self._seconds = seconds
        self._at_hand = at_hand
        self.renewed = 0

    def ready(self, now_s: float) -> bool:
        return self._at_hand

    def due(self, now_s: float) -> bool:
        return True

    async def renew(self) -> None:
        await asyncio.sleep(self._seconds)
        self.renewed += 1

    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        return b""


def limit(at_s: float) -> Deadline:
    return Deadline(at_s=at_s, bound="request", allowed_s=at_s)


def test_a_credential_is_waited_for_within_the_deadline() -> None:
    signer = Slow(5)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        await identified(signer, limit(6), 0.0, loop.time)
        with pytest.raises(DeadlineExceeded):
            await identified(signer, limit(loop.time() + 4), 0.0, loop.time)
        assert loop.time() == 9

    run_virtually(story())
    assert signer.renewed == 1


def test_one_that_is_due_is_renewed_behind_the_callers_back() -> None:
    signer = Slow(5, at_hand=True)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        await identified(signer, limit(1), 0.0, loop.time)
        assert (loop.time(), signer.renewed) == (0, 0)
        await asyncio.sleep(6)

    run_virtually(story())
    assert signer.renewed == 1


class Asked:
    """Whose errand it is."""

    principal: Principal = ALICE
    started_s = 0.0
    counted = None
    stopped = ""
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    tail = b"}"

    def __init__(self) -> None:
        self.attempts: list[Try] = []

    def draft(self) -> Receipt:
        return receipt(1, "running")


def test_an_errand_waits_for_its_credential_no_longer_than_its_deadline_and_leaves_its_gate(tmp_path: Path) -> None:
    house = House(tmp_path)
    errands = house.caller.errands
    signed = replace(house.targets["small"], signer=Slow(1_000_000))
    errands.arrange(CallsSettings(), {"up": signed}, {}, house.caller.now())
    member = errands.member("up")

    async def story() -> None:
        with pytest.raises(DeadlineExceeded):
            await errands.begin(Asked(), member, signed, limit(house.caller.now() + 3))

    try:
        run_virtually(story())
    except NothingLeft:
        pytest.fail("it waits for ever")
    assert house.events == []
    assert not member.gate.held
