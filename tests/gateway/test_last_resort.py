import json
import logging
from pathlib import Path
from typing import Any

import pytest
from asks import asking, told
from fakes.house import House, chunk, completion, deployed, events_of
from fakes.upstream import Answer
from receipts import ALICE

from antiphon.core.error import AntiphonError, UpstreamBroken, UpstreamTimeout
from antiphon.core.principal import Principal
from antiphon.routing.settings import LastResortSettings

BOTH = LastResortSettings(respond="Call us.", hand_off="support")


def house_of(tmp_path: Path, *script: Any, last: LastResortSettings = BOTH, **told: Any) -> House:
    return House(tmp_path, *script, route={"last_resort": last}, **told)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error", [UpstreamBroken("cut"), UpstreamTimeout("slow")])
async def test_where_nobody_could_answer_the_operators_text_does(
    tmp_path: Path, stream: bool, error: AntiphonError
) -> None:
    house = house_of(tmp_path, error)

    reply = await told(house, asking(stream=stream))

    assert (reply.out, reply.failure, reply.receipt_id) == (b"Call us.", None, house.receipt.id)
    assert reply.told == b"x-antiphon-last-resort: respond\r\nx-antiphon-hand-off: support\r\n"
    receipt = house.receipt
    assert (receipt.outcome, receipt.status, receipt.error) == ("failed", 200, error.said_code)
    assert (receipt.handed_off, receipt.served) == ("support", "")
    assert house.events.index("journal.closed") < house.events.index("reply.last_resort")


async def test_who_takes_a_request_over_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "antiphon.gateway"):
        house = house_of(tmp_path, UpstreamBroken("cut"))
        await told(house)

    (line,) = [record for record in caplog.records if record.getMessage() == "request.handed_off"]
    said = {name: getattr(line, name) for name in ("receipt", "to", "error", "tenant")}
    assert said == {"receipt": house.receipt.id, "to": "support", "error": "upstream_broken", "tenant": "acme"}


async def test_a_hand_off_alone_leaves_the_error(tmp_path: Path) -> None:
    house = house_of(tmp_path, UpstreamBroken("cut"), last=LastResortSettings(hand_off="support"))

    reply = await told(house)

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.told) == ("upstream_broken", b"x-antiphon-hand-off: support\r\n")
    assert (house.receipt.status, house.receipt.handed_off) == (502, "support")


async def test_attempts_are_told_of_beside_it(tmp_path: Path) -> None:
    two = [deployed(), deployed("big")]
    house = house_of(tmp_path, UpstreamBroken("1"), UpstreamBroken("2"), deployments=two, attempts=2)

    reply = await told(house)

    assert reply.told.startswith(b"x-antiphon-attempts: 2\r\nx-antiphon-last-resort: respond\r\n")


async def test_where_all_rest_nobody_could_answer_either(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(b"{}", status=401))
    await house.answer(asking())

    reply = await house.answer(asking())

    assert (reply.out, len(house.transport.sent)) == (b"Call us.", 1)
    assert house.journal.shut[-1].outcome == "refused"
    assert house.journal.shut[-1].status == 200


@pytest.mark.parametrize(
    "house_and_asked",
    [
        ([Answer(b'{"error":{"message":"no"}}', status=400)], {}, ALICE),
        ([], {"model": "nope"}, ALICE),
        ([], {}, Principal(tenant="acme", key="limited", models=("other",))),
        ([RuntimeError("a bug")], {}, ALICE),
        ([events_of(chunk("a"), fails=UpstreamBroken("cut"))], {"stream": True}, ALICE),
    ],
    ids=["refused upstream", "no such model", "not allowed", "a bug", "a stream that has begun"],
)
async def test_what_is_no_lack_of_an_answer_stays_an_error(
    tmp_path: Path, house_and_asked: tuple[list[Any], dict[str, Any], Principal]
) -> None:
    script, fields, principal = house_and_asked
    house = house_of(tmp_path, *script)

    reply = await told(house, asking(**fields), principal)

    assert reply.failure is not None
    assert b"x-antiphon-last-resort" not in reply.told
    assert house.receipt.handed_off == ""


async def test_an_answer_needs_no_last_resort(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()))

    reply = await told(house)

    assert json.loads(reply.out)["model"] == "gpt-4o-mini-2026"
    assert house.receipt.handed_off == ""


async def test_a_last_resort_that_can_not_be_recorded_is_not_given(tmp_path: Path) -> None:
    house = house_of(tmp_path, UpstreamBroken("cut"))
    house.journal.failing.add("closed")

    reply = await told(house)

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.out) == ("store_error", b"")
