"""The same thing is told alike, whatever the target."""

import pytest

from antiphon.core.content import Cache, Content, Message, Part, Reasoning, Sampling, Text, ToolCall
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect
from antiphon.wire.codec import Terms
from antiphon.wire.codecs import UPSTREAMS
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_showing

CHAT: tuple[Dialect, ...] = (
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini",
    "bedrock_converse",
    "cohere_chat",
)
LEAST = 2
"""Each thing is told by so many of the six at least; the others have a place for it."""


def told(target: Dialect, content: Content) -> dict[str, Loss]:
    losses = Losses()
    UPSTREAMS[target].encode(content, Terms(model="m", stream=False), losses)
    return {loss.field: loss for loss in losses.told()}


def conversation(*parts: Part, **more: object) -> Content:
    """Of a dialect that no target of these tests speaks, so that nothing is anyone's own."""
    return Content(
        dialect="openai_completions",
        messages=(
            Message(role="user", parts=(Text(text="One", cache=Cache()),), form="parts"),
            Message(role="assistant", parts=parts, form="parts"),
            Message(role="tool", parts=(Text(text="broken"),), tool_call_id="c1", failed=True),
        ),
        **more,  # pyright: ignore[reportArgumentType]
    )


CALL = ToolCall(id="c1", name="f", arguments="{}", signature="cHJvb2Y=", signed_by="cohere_embeddings")


@pytest.mark.parametrize("target", CHAT)
def test_what_no_answer_depends_on_is_never_lost(target: Dialect) -> None:
    thoughts = (
        Reasoning(text="hm"),
        Reasoning(text="hm", signature="cHJvb2Y=", signed_by="cohere_embeddings"),
        Reasoning(text="", signature="cHJvb2Y=", signed_by="cohere_embeddings", redacted=True),
    )
    said = Text(text="Two", signature="cHJvb2Y=", signed_by="cohere_embeddings")

    losses = told(target, conversation(*thoughts, said, CALL, metadata={"a": "b"}, cache_key="k"))

    assert losses
    assert [loss for loss in losses.values() if not loss.adapted] == []


@pytest.mark.parametrize("what", ["is_error", "cache_control", "signature", "metadata", "prompt_cache_key"])
def test_a_thing_has_one_name_wherever_it_is_told(what: str) -> None:
    said = Text(text="Two", signature="cHJvb2Y=", signed_by="cohere_embeddings")
    content = conversation(said, CALL, metadata={"a": "b"}, cache_key="k")

    targets = [target for target in CHAT if any(field.split(".")[-1] == what for field in told(target, content))]

    assert len(targets) >= LEAST


@pytest.mark.parametrize("target", CHAT)
def test_a_budget_of_thoughts_is_called_reasoning_tokens(target: Dialect) -> None:
    content = Content(
        dialect="openai_completions",
        messages=(Message(role="user", parts=(Text(text="One"),), form="text"),),
        sampling=Sampling(reasoning_tokens=5000),
    )

    assert all("reasoning." not in field and not field.startswith("thinking") for field in told(target, content))


@pytest.mark.parametrize(
    ("shown", "asked", "adapted"), [(True, True, False), (True, False, True), (False, True, True), (False, False, True)]
)
def test_thoughts_are_lost_to_who_asked_for_them_alone(shown: bool, asked: bool, adapted: bool) -> None:
    losses = Losses()
    no_showing(losses, "X has no such field", shown=shown, asked=asked)

    assert [(loss.field, loss.adapted) for loss in losses.told()] == [("reasoning_shown", adapted)]
