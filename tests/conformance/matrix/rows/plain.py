"""Text, turns, and how the answer is drawn."""

from matrix.feature import CHAT, COHERE, COMPLETIONS, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, Joined, both, like, says

HELLO = like("I read 1 message")
_TURNS = [("user", "One"), ("assistant", "Two"), ("user", "Three")]
_CHAT_TURNS = [{"role": role, "content": text} for role, text in _TURNS]
_GEMINI_ROLES = {"user": "user", "assistant": "model"}


def _turns(items: str, text: str, **roles: str) -> object:
    """Each turn at its place, by its own speaker."""
    return both(
        *(
            part
            for place, (role, words) in enumerate(_TURNS)
            for part in (At(f"{items}.{place}.role", roles.get(role, role)), At(f"{items}.{place}.{text}", says(words)))
        )
    )


TEXT = Feature(
    name="text",
    group="Saying",
    asks={CHAT: {}, RESPONSES: {}, MESSAGES: {}, GEMINI: {}, COMPLETIONS: {}},
    arrives={
        CHAT: At("messages.0", {"role": "user", "content": says("Hello there")}),
        RESPONSES: (At("input", "Hello there"), At("input.*", {"role": "user", "content": says("Hello there")})),
        MESSAGES: At("messages.0", {"role": "user", "content": says("Hello there")}),
        GEMINI: At("contents.0.parts.0.text", "Hello there"),
        CONVERSE: At("messages.0.content.0.text", "Hello there"),
        COHERE: At("messages.0", {"role": "user", "content": says("Hello there")}),
    },
    shows={
        CHAT: At("choices.0.message", {"role": "assistant", "content": HELLO}),
        RESPONSES: At("output.*.content.*", {"type": "output_text", "text": HELLO}),
        MESSAGES: At("content.*", {"type": "text", "text": HELLO}),
        GEMINI: At("candidates.0.content", {"role": "model", "parts": [{"text": HELLO}]}),
        COMPLETIONS: At("choices.0.text", HELLO),
    },
    streams={
        CHAT: Joined("*.choices.0.delta.content", "I read 1 message"),
        RESPONSES: At("*", {"type": "response.output_text.done", "text": HELLO}),
        MESSAGES: Joined("*.delta.text", "I read 1 message"),
        GEMINI: Joined("*.candidates.0.content.parts.0.text", "I read 1 message"),
        COMPLETIONS: Joined("*.choices.0.text", "I read 1 message"),
    },
)
SYSTEM = Feature(
    name="system prompt",
    group="Saying",
    asks={
        CHAT: {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello there"}]},
        RESPONSES: {"instructions": "Be brief"},
        MESSAGES: {"system": "Be brief"},
        GEMINI: {"systemInstruction": {"parts": [{"text": "Be brief"}]}},
    },
    arrives={
        CHAT: At("messages.0", {"role": "system", "content": says("Be brief")}),
        RESPONSES: (
            At("instructions", "Be brief"),
            At("input.*", {"role": "system", "content": says("Be brief")}),
            At("input.*", {"role": "developer", "content": says("Be brief")}),
        ),
        MESSAGES: At("system", says("Be brief")),
        GEMINI: At("systemInstruction.parts.0.text", "Be brief"),
        CONVERSE: At("system.0.text", "Be brief"),
        COHERE: At("messages.0", {"role": "system", "content": says("Be brief")}),
    },
)
TURNS = Feature(
    name="turns",
    group="Saying",
    asks={
        CHAT: {"messages": _CHAT_TURNS},
        RESPONSES: {"input": _CHAT_TURNS},
        MESSAGES: {"messages": _CHAT_TURNS},
        GEMINI: {"contents": [{"role": _GEMINI_ROLES[role], "parts": [{"text": text}]} for role, text in _TURNS]},
    },
    arrives={
        CHAT: _turns("messages", "content"),
        RESPONSES: _turns("input", "content"),
        MESSAGES: _turns("messages", "content"),
        GEMINI: _turns("contents", "parts", assistant="model"),
        CONVERSE: _turns("messages", "content"),
        COHERE: _turns("messages", "content"),
    },
)
PREFILL = Feature(
    name="start of the answer",
    group="Saying",
    asks={
        CHAT: {"messages": _CHAT_TURNS[:2]},
        RESPONSES: {"input": _CHAT_TURNS[:2]},
        MESSAGES: {"messages": _CHAT_TURNS[:2]},
        GEMINI: {"contents": [{"role": _GEMINI_ROLES[role], "parts": [{"text": text}]} for role, text in _TURNS[:2]]},
    },
    arrives={
        CHAT: At("messages.1", {"role": "assistant", "content": says("Two")}),
        RESPONSES: At("input.1", {"role": "assistant", "content": says("Two")}),
        MESSAGES: At("messages.1", {"role": "assistant", "content": says("Two")}),
        GEMINI: At("contents.1", {"role": "model", "parts": [{"text": "Two"}]}),
        CONVERSE: At("messages.1", {"role": "assistant", "content": [{"text": "Two"}]}),
        COHERE: At("messages.1", {"role": "assistant", "content": says("Two")}),
    },
)


def _number(name: str, value: object, paths: dict[str, str], **asks: dict[str, object]) -> Feature:
    """A setting by its path in each dialect; callers have it where `asks` says so."""
    return Feature(
        name=name, group="Drawing", asks=asks, arrives={where: At(path, value) for where, path in paths.items()}
    )


_CONFIG = "generationConfig"
MAX_TOKENS = _number(
    "bound on output",
    900,
    {
        CHAT: "max_completion_tokens",
        RESPONSES: "max_output_tokens",
        MESSAGES: "max_tokens",
        GEMINI: f"{_CONFIG}.maxOutputTokens",
        CONVERSE: "inferenceConfig.maxTokens",
        COHERE: "max_tokens",
    },
    openai_chat={"max_completion_tokens": 900},
    openai_responses={"max_output_tokens": 900},
    anthropic_messages={"max_tokens": 900},
    gemini={_CONFIG: {"maxOutputTokens": 900}},
    openai_completions={"max_tokens": 900},
)
TEMPERATURE = _number(
    "temperature",
    0.3,
    {
        CHAT: "temperature",
        RESPONSES: "temperature",
        MESSAGES: "temperature",
        GEMINI: f"{_CONFIG}.temperature",
        CONVERSE: "inferenceConfig.temperature",
        COHERE: "temperature",
    },
    openai_chat={"temperature": 0.3},
    openai_responses={"temperature": 0.3},
    anthropic_messages={"temperature": 0.3},
    gemini={_CONFIG: {"temperature": 0.3}},
    openai_completions={"temperature": 0.3},
)
TOP_P = _number(
    "top_p",
    0.4,
    {
        CHAT: "top_p",
        RESPONSES: "top_p",
        MESSAGES: "top_p",
        GEMINI: f"{_CONFIG}.topP",
        CONVERSE: "inferenceConfig.topP",
        COHERE: "p",
    },
    openai_chat={"top_p": 0.4},
    openai_responses={"top_p": 0.4},
    anthropic_messages={"top_p": 0.4},
    gemini={_CONFIG: {"topP": 0.4}},
    openai_completions={"top_p": 0.4},
)
TOP_K = _number(
    "top_k",
    40,
    {MESSAGES: "top_k", GEMINI: f"{_CONFIG}.topK", CONVERSE: "additionalModelRequestFields.top_k", COHERE: "k"},
    anthropic_messages={"top_k": 40},
    gemini={_CONFIG: {"topK": 40}},
)
SEED = _number(
    "seed",
    7,
    {CHAT: "seed", GEMINI: f"{_CONFIG}.seed", COHERE: "seed"},
    openai_chat={"seed": 7},
    gemini={_CONFIG: {"seed": 7}},
    openai_completions={"seed": 7},
)
PENALTIES = Feature(
    name="penalties",
    group="Drawing",
    asks={
        CHAT: {"frequency_penalty": 0.2, "presence_penalty": 0.1},
        GEMINI: {_CONFIG: {"frequencyPenalty": 0.2, "presencePenalty": 0.1}},
        COMPLETIONS: {"frequency_penalty": 0.2, "presence_penalty": 0.1},
    },
    arrives={
        CHAT: At("", {"frequency_penalty": 0.2, "presence_penalty": 0.1}),
        GEMINI: At(_CONFIG, {"frequencyPenalty": 0.2, "presencePenalty": 0.1}),
        COHERE: At("", {"frequency_penalty": 0.2, "presence_penalty": 0.1}),
    },
)
STOP = Feature(
    name="stop sequences",
    group="Drawing",
    asks={
        CHAT: {"stop": ["END", "FIN"]},
        MESSAGES: {"stop_sequences": ["END", "FIN"]},
        GEMINI: {_CONFIG: {"stopSequences": ["END", "FIN"]}},
        COMPLETIONS: {"stop": ["END", "FIN"]},
    },
    arrives={
        CHAT: At("stop", ["END", "FIN"]),
        MESSAGES: At("stop_sequences", ["END", "FIN"]),
        GEMINI: At(f"{_CONFIG}.stopSequences", ["END", "FIN"]),
        CONVERSE: At("inferenceConfig.stopSequences", ["END", "FIN"]),
        COHERE: At("stop_sequences", ["END", "FIN"]),
    },
)
SEVERAL = Feature(
    name="several answers",
    group="Drawing",
    asks={CHAT: {"n": 2}, GEMINI: {_CONFIG: {"candidateCount": 2}}, COMPLETIONS: {"n": 2}},
    arrives={CHAT: At("n", 2), GEMINI: At(f"{_CONFIG}.candidateCount", 2)},
    shows={
        CHAT: At("choices.1.message.content", says("I read")),
        GEMINI: At("candidates.1.content.parts.0.text", says("I read")),
        COMPLETIONS: At("choices.1.text", says("I read")),
    },
    streams={
        CHAT: At("*.choices.*.index", 1),
        GEMINI: At("*.candidates.*.index", 1),
        COMPLETIONS: At("*.choices.*.index", 1),
    },
)
ROWS = (TEXT, SYSTEM, TURNS, PREFILL, MAX_TOKENS, TEMPERATURE, TOP_P, TOP_K, SEED, PENALTIES, STOP, SEVERAL)
