"""Model calls of agents, as the gateway takes them."""

from antiphon.agents.asking import request_of
from antiphon.agents.mind import Ask
from antiphon.core.content import Message, Text
from antiphon.core.principal import Principal

WHO = Principal(tenant="acme", key="alice")


def test_a_call_says_its_class_its_run_and_whether_strangers_wrote_some_of_it() -> None:
    said = Message(role="user", parts=(Text(text="Sum this up: ..."),), form="text")
    ask = Ask(model="m", messages=(said,), principal=WHO, run="r1", step="2", key="2", data_class="confidential")

    plain = request_of(ask)
    tainted = request_of(Ask(**{**{name: getattr(ask, name) for name in ask.__struct_fields__}, "tainted": True}))

    assert (plain.tainted, tainted.tainted) == (False, True)
    assert (plain.data_class, plain.lineage.run, plain.lineage.step) == ("confidential", "r1", "2")
    assert plain.head.output_tokens == 4096
