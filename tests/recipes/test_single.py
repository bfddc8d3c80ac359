from pathlib import Path

from bodies import request
from fakes.house import House, completion
from fakes.upstream import Answer
from receipts import ALICE, receipt

from antiphon.calls.caller import Try
from antiphon.core.plan import Envelope, Step
from antiphon.core.receipt import Receipt
from antiphon.providers.target import say
from antiphon.recipes.single import single


class Asked:
    principal = ALICE
    started_s = 0.0

    def __init__(self) -> None:
        self.attempts: list[Try] = []
        self.tail = b"}"

    def draft(self) -> Receipt:
        return receipt(1, "running")


async def test_a_single_step_is_one_call_within_its_envelope(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    said = say(request(b'{"model":"fast","messages":[]}'), house.target, None)
    step = Step(name="answer", deployments=("small",), envelope=Envelope(output_tokens=9))

    attempt = await single(step, house.caller, Asked(), house.target, said)

    assert attempt.target is house.target
    assert len(house.transport.sent) == 1
    assert house.tickets.bounds[0] is not None
