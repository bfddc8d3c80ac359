"""What can't be carried is told, or refused, as the route says."""

from typing import Any

import pytest

from antiphon.providers.lab.run import Running
from rig.dialects import to_dialects
from rig.fixtures import Start
from rig.gateway import Gateway

pytestmark = pytest.mark.processes
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello!"}], "seed": 7, "max_tokens": 20}


@pytest.fixture
def gateway(start: Start, lab: Running) -> Gateway:
    routes = {
        "told": {"models": ["claude"]},
        "warned": {"models": ["claude"], "on_loss": "warn"},
        "strict": {"models": ["claude"], "on_loss": "refuse"},
        "either": {"models": ["claude", "plain"], "on_loss": "refuse"},
    }
    return start(to_dialects(lab.url, routes=routes))


def ask(gateway: Gateway, model: str, **more: Any) -> Any:
    return gateway.chat({"model": model, **ASKED, **more})


def test_a_loss_stands_in_a_header_and_in_the_receipt(gateway: Gateway) -> None:
    answer = ask(gateway, "told")

    assert answer.status == 200
    assert '"seed";effect="left out"' in answer.headers["x-antiphon-losses"]
    lost = gateway.receipt(answer.receipt_id)["losses"]
    assert [one["field"] for one in lost if "adapted" not in one] == ["seed"]


def test_a_loss_is_logged_where_the_route_warns(gateway: Gateway) -> None:
    assert ask(gateway, "warned").status == 200

    assert gateway.event("request.lossy")["fields"] == ["seed"]


def test_a_route_that_allows_none_refuses_with_the_field(gateway: Gateway) -> None:
    answer = ask(gateway, "strict")

    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "loss_refused", "seed")


def test_it_asks_who_can_carry_everything_before_it_refuses(gateway: Gateway) -> None:
    answers = [ask(gateway, "either") for _ in range(8)]

    assert {answer.headers["x-antiphon-deployment"] for answer in answers} == {"plain"}
    assert all("x-antiphon-losses" not in answer.headers for answer in answers)


def test_what_needs_no_more_than_another_form_is_not_refused(gateway: Gateway) -> None:
    body = {"model": "strict", "messages": ASKED["messages"]}

    answer = gateway.chat(body)

    assert answer.status == 200
    assert "max_tokens" in answer.headers["x-antiphon-losses"]
