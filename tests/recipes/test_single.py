from pathlib import Path

from bodies import request
from fakes.house import House, completion
from fakes.upstream import Answer
from receipts import ALICE, receipt
from scripted_calls import question

from antiphon.calls.attempt import Try
from antiphon.calls.course import Ask
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.core.content import Sampling
from antiphon.core.plan import Envelope, Step
from antiphon.core.receipt import Loss, Receipt
from antiphon.recipes.settings_single import SingleSettings
from antiphon.recipes.single import said


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

    answered = await house.caller.call(
        asked, prepared, Ask(request=request(b'{"model":"fast","messages":[]}'), deadline=limit)
    )

    assert answered.attempt.target is house.target
    assert asked.attempts == [answered.attempt]
    assert len(house.transport.sent) == 1


def test_a_rule_can_have_a_model_think_more_or_less_without_changing_what_the_caller_said() -> None:
    content = question("Is 91 prime?", sampling=Sampling(n=2, temperature=1.0)).content
    settings = SingleSettings(effort="high", temperature=0.2, output_tokens=300)

    made = said(settings, content)

    assert made is not None
    assert made.messages == content.messages
    assert (made.sampling.reasoning_effort, made.sampling.temperature, made.sampling.n) == ("high", 0.2, 2)
    assert made.limits.output_tokens == 300


def test_a_single_call_without_settings_of_its_own_sends_the_caller_s_request_as_it_came() -> None:
    assert said(SingleSettings(), question("Is 91 prime?").content) is None
