from pathlib import Path

from bodies import request
from fakes.house import House, completion
from fakes.upstream import Answer
from receipts import ALICE, receipt

from antiphon.calls.attempt import Try
from antiphon.calls.course import Ask
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.core.plan import Envelope, Step
from antiphon.core.receipt import Loss, Receipt
from antiphon.recipes.single import single


class Asked:
    principal = ALICE
    started_s = 0.0
    counted = None
    stopped = ""
    losses: tuple[Loss, ...] = ()

    def __init__(self) -> None:
        self.attempts: list[Try] = []
        self.tail = b"}"

    def draft(self) -> Receipt:
        return receipt(1, "running")


async def test_a_single_step_is_one_call_within_its_envelope(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()
    step = Step(name="answer", deployments=("small",), envelope=Envelope())
    prepared = house.caller.prepare(step, Policy("fast", RouteSettings(), CallsSettings()), house.targets)
    limit = Deadline(at_s=house.caller.now() + 60, bound="server", allowed_s=60)

    answered = await single(
        house.caller, asked, prepared, Ask(request=request(b'{"model":"fast","messages":[]}'), deadline=limit)
    )

    assert answered.attempt.target is house.target
    assert asked.attempts == [answered.attempt]
    assert len(house.transport.sent) == 1
