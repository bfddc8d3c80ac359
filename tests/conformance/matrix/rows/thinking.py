"""Thoughts: asked for, told, and taken back into a conversation."""

from typing import Any

from antiphon.providers.lab.proof import sign, sign_bytes
from antiphon.wire.gemini.proof import seal
from matrix.feature import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, Joined, Not, Told, both, like, paired, says
from matrix.rows.tools import loop
from matrix.said import responses_answer, said

Json = dict[str, Any]
_CONFIG = "generationConfig.thinkingConfig"
_SHOWS = {
    CHAT: At("choices.0.message.reasoning_content", says("Simulated reasoning")),
    RESPONSES: At("output.*", {"type": "reasoning"}),
    MESSAGES: At("content.*", {"type": "thinking", "thinking": says("Simulated reasoning")}),
    GEMINI: At("candidates.0.content.parts.*", {"thought": True, "text": says("Simulated reasoning")}),
}
_STREAMS = {
    CHAT: Joined("*.choices.0.delta.reasoning_content", "Simulated reasoning"),
    RESPONSES: At("*", {"type": "response.output_item.done", "item": {"type": "reasoning"}}),
    MESSAGES: Joined("*.delta.thinking", "Simulated reasoning"),
    GEMINI: At("*.candidates.0.content.parts.*", {"thought": True, "text": like(".")}),
}
_THINKS = {
    CHAT: At("reasoning_effort"),
    RESPONSES: At("reasoning.effort"),
    MESSAGES: At("thinking", {"type": "enabled", "budget_tokens": lambda it: it >= 1024}),
    GEMINI: (At(f"{_CONFIG}.thinkingLevel"), At(f"{_CONFIG}.thinkingBudget")),
    CONVERSE: At("additionalModelRequestFields.thinking", {"type": "enabled", "budget_tokens": lambda it: it >= 1024}),
    COHERE: At("thinking", {"type": "enabled"}),
}
_EFFORT = {
    **_THINKS,
    CHAT: At("reasoning_effort", "high"),
    RESPONSES: At("reasoning.effort", "high"),
    GEMINI: At(f"{_CONFIG}.thinkingLevel", "HIGH"),
}
EFFORT = Feature(
    name="effort of thinking",
    group="Thinking",
    asks={
        CHAT: {"reasoning_effort": "high"},
        RESPONSES: {"reasoning": {"effort": "high"}},
        MESSAGES: {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}},
    },
    arrives={**_EFFORT, MESSAGES: (At("output_config.effort", "high"), _THINKS[MESSAGES])},
)
BUDGET = Feature(
    name="budget of thinking",
    group="Thinking",
    asks={
        MESSAGES: {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}},
    },
    arrives={
        **_THINKS,
        MESSAGES: At("thinking", {"type": "enabled", "budget_tokens": 2048}),
        CONVERSE: At("additionalModelRequestFields.thinking", {"type": "enabled", "budget_tokens": 2048}),
        COHERE: At("thinking", {"type": "enabled", "token_budget": 2048}),
    },
)
OFF = Feature(
    name="no thinking",
    group="Thinking",
    asks={
        CHAT: {"reasoning_effort": "none"},
        RESPONSES: {"reasoning": {"effort": "none"}},
        MESSAGES: {"thinking": {"type": "disabled"}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
    },
    arrives={
        CHAT: At("reasoning_effort", "none"),
        RESPONSES: At("reasoning.effort", "none"),
        MESSAGES: (At("thinking.type", "disabled"), At("", lambda body: "thinking" not in body)),
        GEMINI: (At(f"{_CONFIG}.thinkingBudget", 0), At(f"{_CONFIG}.thinkingLevel", like("(?i)minimal"))),
        CONVERSE: At("", lambda body: "thinking" not in body.get("additionalModelRequestFields", {})),
        COHERE: At("thinking.type", "disabled"),
    },
)
SHOWN = Feature(
    name="thoughts asked for",
    group="Thinking",
    asks={
        RESPONSES: {"reasoning": {"effort": "low", "summary": "auto"}},
        MESSAGES: {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}},
    },
    arrives={
        **_THINKS,
        CHAT: Told("left out"),
        RESPONSES: At("reasoning", {"effort": "low", "summary": like("auto|detailed")}),
        GEMINI: At(_CONFIG, {"includeThoughts": True}),
    },
)
SIGNED = sign("anthropic", "Claude thought so")
GOOGLE_SIGNED = sign_bytes("gemini", "")
OPENAI_SIGNED = sign("responses", "GPT thought so")
_SUMMARY = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Simulated reasoning: hm"}],
    "encrypted_content": "c2VhbGVk",
}
TOLD = Feature(
    name="thoughts in the answer",
    group="Thinking",
    asks={
        CHAT: {"reasoning_effort": "low"},
        RESPONSES: {"reasoning": {"effort": "low", "summary": "auto"}},
        MESSAGES: {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}},
    },
    arrives=_THINKS,
    shows={**_SHOWS, RESPONSES: At("output.*", {"type": "reasoning", "summary": lambda it: "Simulated" in str(it)})},
    streams=_STREAMS,
    answers={RESPONSES: responses_answer(_SUMMARY, said("Hm"))},
)
_CLAUDE_THOUGHTS = [
    {"type": "thinking", "thinking": "Claude thought so", "signature": SIGNED},
    {"type": "text", "text": "Two"},
]
_GOOGLE_THOUGHTS = [{"text": "Gemini thought so", "thought": True}, {"text": "Two", "thoughtSignature": GOOGLE_SIGNED}]
_OPENAI_THOUGHTS = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "GPT thought so"}],
    "encrypted_content": OPENAI_SIGNED,
}
_AFTER: Json = {"role": "user", "content": "Three"}
_ASKED: Json = {"role": "user", "content": "One"}
_ANOTHERS = Told("no thoughts back")
KEPT = Feature(
    name="signed thoughts back to who had them",
    group="Thinking",
    asks={
        CHAT: {
            "messages": [
                _ASKED,
                {
                    "role": "assistant",
                    "content": "Two",
                    "thinking_blocks": [{"type": "thinking", "thinking": "Claude thought so", "signature": SIGNED}],
                },
                _AFTER,
            ]
        },
        RESPONSES: {"input": [_ASKED, _OPENAI_THOUGHTS, {"role": "assistant", "content": "Two"}, _AFTER]},
        MESSAGES: {"messages": [_ASKED, {"role": "assistant", "content": _CLAUDE_THOUGHTS}, _AFTER]},
        GEMINI: {
            "contents": [
                {"role": "user", "parts": [{"text": "One"}]},
                {"role": "model", "parts": _GOOGLE_THOUGHTS},
                {"role": "user", "parts": [{"text": "Three"}]},
            ]
        },
    },
    arrives={
        CHAT: (At("messages.1.thinking_blocks"), _ANOTHERS),
        RESPONSES: (At("input.*", {"type": "reasoning", "encrypted_content": OPENAI_SIGNED}), _ANOTHERS),
        MESSAGES: (At("messages.1.content.*", {"type": "thinking", "signature": SIGNED}), _ANOTHERS),
        GEMINI: (At("contents.1.parts.*.thoughtSignature", GOOGLE_SIGNED), _ANOTHERS),
        COHERE: At("messages.1.content.*.thinking"),
        CONVERSE: (At("messages.1.content.*.reasoningContent.reasoningText.signature", SIGNED), _ANOTHERS),
    },
)
_TURN = {
    CHAT: both(At("messages.1", {"role": "assistant", "content": says("Two")}), Not(At("messages.1.thinking_blocks"))),
    RESPONSES: At("input.*", {"role": "assistant", "content": says("Two")}),
    MESSAGES: At("messages.1", {"role": "assistant", "content": says("Two")}),
    GEMINI: At("contents.1.parts.*", {"text": "Two"}),
    CONVERSE: At("messages.1.content.*.text", "Two"),
    COHERE: At("messages.1.content", says("Two")),
}
SWITCHED = Feature(
    name="a history with another's thoughts goes on",
    group="Switching",
    asks=KEPT.asks,
    arrives=_TURN,
)
SEALED = Feature(
    name="a history with another's sealed thoughts goes on",
    group="Switching",
    asks={
        RESPONSES: {
            "input": [
                _ASKED,
                {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [{"type": "summary_text", "text": "Claude thought so"}],
                    "encrypted_content": f"anthropic_messages:{SIGNED}",
                },
                {"role": "assistant", "content": "Two"},
                _AFTER,
            ]
        },
        MESSAGES: {
            "messages": [
                _ASKED,
                {
                    "role": "assistant",
                    "content": [
                        {
                            "type": "thinking",
                            "thinking": "OpenAI thought so",
                            "signature": f"openai_responses:{OPENAI_SIGNED}",
                        },
                        {"type": "text", "text": "Two"},
                    ],
                },
                _AFTER,
            ]
        },
        GEMINI: {
            "contents": [
                {"role": "user", "parts": [{"text": "One"}]},
                {
                    "role": "model",
                    "parts": [
                        {
                            "text": "Claude thought so",
                            "thought": True,
                            "thoughtSignature": seal(SIGNED, "anthropic_messages"),
                        },
                        {"text": "Two"},
                    ],
                },
                {"role": "user", "parts": [{"text": "Three"}]},
            ]
        },
    },
    arrives={
        CHAT: _TURN[CHAT],
        RESPONSES: (
            At("input.*", {"type": "reasoning", "encrypted_content": OPENAI_SIGNED}),
            both(_TURN[RESPONSES], Not(At("input.*", {"type": "reasoning"}))),
        ),
        MESSAGES: both(
            _TURN[MESSAGES], Not(At("messages.1.content.*", {"signature": f"openai_responses:{OPENAI_SIGNED}"}))
        ),
        GEMINI: both(_TURN[GEMINI], Not(At("contents.1.parts.*.thoughtSignature"))),
        CONVERSE: _TURN[CONVERSE],
        COHERE: _TURN[COHERE],
    },
)
_ODD_ID = "functions.get_weather:0"
SWITCHED_IDS = Feature(
    name="a history with another's tool ids goes on",
    group="Switching",
    asks={
        CHAT: loop(CHAT, call_id=_ODD_ID),
        RESPONSES: loop(RESPONSES, call_id=_ODD_ID),
        MESSAGES: loop(MESSAGES, call_id="toolu_" + "x" * 50),
        GEMINI: loop(GEMINI, call_id="x" * 70),
    },
    arrives={
        CHAT: paired("messages.*.tool_calls.*.id", "messages.*.tool_call_id", ".{1,40}"),
        RESPONSES: paired("input.1.call_id", "input.2.call_id", ".{1,64}"),
        MESSAGES: paired("messages.*.content.*.id", "messages.*.content.*.tool_use_id", "[a-zA-Z0-9_-]{1,64}"),
        GEMINI: At("contents.2.parts.*.functionResponse.name", "get_weather"),
        CONVERSE: paired(
            "messages.*.content.*.toolUse.toolUseId",
            "messages.*.content.*.toolResult.toolUseId",
            "[a-zA-Z0-9_.:-]{1,64}",
        ),
        COHERE: paired("messages.*.tool_calls.*.id", "messages.*.tool_call_id", ".+"),
    },
)
ROWS = (EFFORT, BUDGET, OFF, SHOWN, TOLD, KEPT, SWITCHED, SEALED, SWITCHED_IDS)
