"""What can't be carried to one deployment is carried to another, told, or refused, as the route says."""

import json
import logging
from pathlib import Path
from typing import Any, Literal

import pytest
from asks import asking, told
from fakes.house import House, aimed, completion, deployed
from fakes.upstream import Answer

from antiphon.calls.settings import RouteSettings
from antiphon.core.error import CannotCarry

OnLoss = Literal["allow", "warn", "refuse"]
SAID = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
).encode()
FILE = [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]


def house(tmp_path: Path, *script: Any, profiles: dict[str, str], on_loss: OnLoss = "allow") -> House:
    """Deployments by name, tried in their order, each of its own profile."""
    made = House(
        tmp_path,
        *script,
        deployments=[
            deployed(name, model=name, priority=place, output_tokens=100) for place, name in enumerate(profiles)
        ],
        policy=RouteSettings(on_loss=on_loss),
        attempts=3,
    )
    for name, profile in profiles.items():
        made.targets[name] = aimed(made.targets[name].deployment, profile)
    return made


async def test_who_can_not_carry_a_request_is_passed_over_without_an_attempt(tmp_path: Path) -> None:
    here = house(tmp_path, Answer(completion()), profiles={"cohere": "cohere", "gpt": "openai"})

    reply = await told(here, asking(messages=FILE))

    assert (reply.failure, here.asked) == (None, ["gpt"])
    assert [one.deployment for one in here.receipt.attempts] == ["gpt"]
    assert here.receipt.losses == ()


async def test_where_nobody_can_carry_it_the_caller_is_told_the_field(tmp_path: Path) -> None:
    here = house(tmp_path, profiles={"cohere": "cohere", "gemini": "cohere"})

    reply = await told(here, asking(messages=FILE))

    assert isinstance(reply.failure, CannotCarry)
    assert (reply.failure.said_status, reply.failure.said_code) == (400, "cannot_carry")
    assert reply.failure.param == "messages[0].content[0]"
    assert (here.receipt.attempts, here.transport.sent, here.receipt.error) == ((), [], "cannot_carry")


async def test_a_loss_is_told_in_the_header_and_in_the_receipt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = house(tmp_path, Answer(SAID), profiles={"claude": "anthropic"})

    with caplog.at_level(logging.WARNING, "antiphon.calls"):
        reply = await told(here, asking(seed=7))

    assert reply.served is not None
    assert b'"seed";effect="left out"' in reply.served.told
    assert reply.served.content_type == b"application/json"
    assert json.loads(reply.out)["choices"][0]["message"]["content"] == "hi"
    assert [loss.field for loss in here.receipt.losses if not loss.adapted] == ["seed"]
    assert "request.lossy" not in caplog.messages


async def test_a_loss_is_logged_with_its_field_where_the_route_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = house(tmp_path, Answer(SAID), profiles={"claude": "anthropic"}, on_loss="warn")

    with caplog.at_level(logging.WARNING, "antiphon.calls"):
        await told(here, asking(seed=7))

    (record,) = [one for one in caplog.records if one.message == "request.lossy"]
    assert (record.__dict__["deployment"], record.__dict__["fields"]) == ("claude", ["seed"])


async def test_a_route_that_allows_none_asks_who_loses_nothing(tmp_path: Path) -> None:
    here = house(tmp_path, Answer(completion()), profiles={"claude": "anthropic", "gpt": "openai"}, on_loss="refuse")

    await told(here, asking(seed=7))

    assert (here.asked, here.receipt.losses) == (["gpt"], ())
    assert len(here.receipt.attempts) == 1


async def test_a_route_that_allows_none_refuses_with_the_field(tmp_path: Path) -> None:
    here = house(tmp_path, profiles={"claude": "anthropic"}, on_loss="refuse")

    reply = await told(here, asking(seed=7))

    assert reply.failure is not None
    assert (reply.failure.said_status, reply.failure.said_code, reply.failure.param) == (400, "loss_refused", "seed")
    assert "seed" in reply.failure.message
    assert "claude" in here.receipt.detail
    assert here.transport.sent == []


AGENT = [
    {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "nothing"},
]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


async def test_what_needs_another_form_alone_is_never_refused(tmp_path: Path) -> None:
    here = house(tmp_path, Answer(SAID), profiles={"claude": "anthropic"}, on_loss="refuse")

    reply = await told(here, asking(messages=AGENT, tools=TOOLS))

    assert reply.failure is None
    assert all(loss.adapted for loss in here.receipt.losses)
