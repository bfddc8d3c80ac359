"""Tools: offered, chosen, called, answered."""

from typing import Any

from matrix.feature import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, Told, Witness, both, like, says, so_many

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NAMES = ("get_weather", "get_time")
Json = dict[str, Any]


def offered(dialect: str, name: str) -> Json:
    """A function as each dialect declares it."""
    told = {"name": name, "description": f"Says {name}"}
    match dialect:
        case "openai_chat":
            return {"type": "function", "function": {**told, "parameters": SCHEMA}}
        case "openai_responses":
            return {"type": "function", **told, "parameters": SCHEMA}
        case "anthropic_messages":
            return {**told, "input_schema": SCHEMA}
        case _:
            return {**told, "parametersJsonSchema": SCHEMA}


def toolbox(dialect: str) -> Json:
    tools = [offered(dialect, name) for name in NAMES]
    return {"tools": [{"functionDeclarations": tools}] if dialect == GEMINI else tools}


def user(dialect: str, text: str) -> Json:
    turn = {"role": "user", "content": text}
    match dialect:
        case "gemini":
            return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        case "openai_responses":
            return {"input": [turn]}
        case _:
            return {"messages": [turn]}


def asking(text: str, **more: Json) -> dict[str, Json]:
    """The same user's words and tools in each dialect, and what is said beside them."""
    return {
        dialect: {**user(dialect, text), **toolbox(dialect), **more[dialect]}
        for dialect in (CHAT, RESPONSES, MESSAGES, GEMINI)
        if dialect in more
    }


NONE: Json = {CHAT: {}, RESPONSES: {}, MESSAGES: {}, GEMINI: {}}
_PROPERTY = {"city": {"type": lambda it: "string" in str(it).lower()}}
"""In the older form of a schema, types are in capitals; one that may be null is a list in the newer form."""
OFFERED = Feature(
    name="functions",
    group="Tools",
    asks=asking("call get_weather", **NONE),
    arrives={
        CHAT: At("tools.0.function", {"name": "get_weather", "parameters": {"properties": _PROPERTY}}),
        RESPONSES: At("tools.0", {"type": "function", "name": "get_weather", "parameters": {"properties": _PROPERTY}}),
        MESSAGES: At("tools.0", {"name": "get_weather", "input_schema": {"properties": _PROPERTY}}),
        GEMINI: (
            At(
                "tools.*.functionDeclarations.0",
                {"name": "get_weather", "parametersJsonSchema": {"properties": _PROPERTY}},
            ),
            At("tools.*.functionDeclarations.0", {"name": "get_weather", "parameters": {"properties": _PROPERTY}}),
        ),
        CONVERSE: At(
            "toolConfig.tools.0.toolSpec", {"name": "get_weather", "inputSchema": {"json": {"properties": _PROPERTY}}}
        ),
        COHERE: At("tools.0.function", {"name": "get_weather", "parameters": {"properties": _PROPERTY}}),
    },
    shows={
        CHAT: both(
            At("choices.0.message.tool_calls.0.function", {"name": "get_weather", "arguments": like("city")}),
            At("choices.0.finish_reason", "tool_calls"),
        ),
        RESPONSES: At(
            "output.*",
            {"type": "function_call", "name": "get_weather", "arguments": like("city"), "call_id": like(".")},
        ),
        MESSAGES: both(
            At("content.*", {"type": "tool_use", "name": "get_weather", "input": {"city": like("")}, "id": like(".")}),
            At("stop_reason", "tool_use"),
        ),
        GEMINI: At("candidates.0.content.parts.*.functionCall", {"name": "get_weather", "args": {"city": like("")}}),
    },
    streams={
        CHAT: both(
            At("*.choices.0.delta.tool_calls.0.function.name", "get_weather"),
            At("*.choices.0.delta.tool_calls.0.id", like(".")),
            At("*.choices.0.finish_reason", "tool_calls"),
        ),
        RESPONSES: both(
            At("*", {"type": "response.output_item.added", "item": {"type": "function_call", "name": "get_weather"}}),
            At("*", {"type": "response.function_call_arguments.done", "arguments": like("city")}),
        ),
        MESSAGES: both(
            At("*.content_block", {"type": "tool_use", "name": "get_weather"}),
            At("*.delta.type", "input_json_delta"),
            At("*.delta.stop_reason", "tool_use"),
        ),
        GEMINI: At("*.candidates.0.content.parts.*.functionCall", {"name": "get_weather", "args": {"city": like("")}}),
    },
)
PARALLEL = Feature(
    name="several calls at once",
    group="Tools",
    asks=asking("call get_weather and get_time", **NONE),
    arrives={where: At("", {}) for where in (CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE, COHERE)},
    shows={
        CHAT: both(
            *(
                At(f"choices.0.message.tool_calls.{place}.function", {"name": name, "arguments": like("city")})
                for place, name in enumerate(NAMES)
            )
        ),
        RESPONSES: both(*(At("output.*", {"type": "function_call", "name": name}) for name in NAMES)),
        MESSAGES: both(*(At("content.*", {"type": "tool_use", "name": name}) for name in NAMES)),
        GEMINI: both(*(At("candidates.0.content.parts.*.functionCall.name", name) for name in NAMES)),
    },
    streams={
        CHAT: both(
            *(
                At("*.choices.0.delta.tool_calls.*", {"index": place, "function": {"name": name}})
                for place, name in enumerate(NAMES)
            )
        ),
        RESPONSES: both(
            *(
                At("*", {"type": "response.output_item.done", "item": {"name": name, "arguments": like("city")}})
                for name in NAMES
            )
        ),
        MESSAGES: both(*(At("*.content_block", {"type": "tool_use", "name": name}) for name in NAMES)),
        GEMINI: both(*(At("*.candidates.0.content.parts.*.functionCall.name", name) for name in NAMES)),
    },
)
ONE_AT_A_TIME = Feature(
    name="one call at a time",
    group="Tools",
    asks=asking(
        "call get_weather and get_time",
        openai_chat={"parallel_tool_calls": False},
        openai_responses={"parallel_tool_calls": False},
        anthropic_messages={"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ),
    arrives={
        CHAT: At("parallel_tool_calls", False),
        RESPONSES: At("parallel_tool_calls", False),
        MESSAGES: At("tool_choice.disable_parallel_tool_use", True),
        CONVERSE: At("additionalModelRequestFields.tool_choice.disable_parallel_tool_use", True),
    },
)


def _mode(name: str, mode: str, google: str, claude: str, *, text: str = "Hello there", **arrives: Witness) -> Feature:
    return Feature(
        name=name,
        group="Tools",
        asks=asking(
            text,
            openai_chat={"tool_choice": mode},
            openai_responses={"tool_choice": mode},
            anthropic_messages={"tool_choice": {"type": claude}},
            gemini={"toolConfig": {"functionCallingConfig": {"mode": google}}},
        ),
        arrives=arrives,
    )


_CALLING = "toolConfig.functionCallingConfig"
AUTO = Feature(
    name="tool choice: auto",
    group="Tools",
    asks=_mode("", "auto", "AUTO", "auto").asks,
    arrives={
        CHAT: At("tool_choice", "auto"),
        RESPONSES: At("tool_choice", "auto"),
        MESSAGES: At("tool_choice.type", "auto"),
        GEMINI: At(f"{_CALLING}.mode", "AUTO"),
        CONVERSE: (
            At("toolConfig.toolChoice.auto"),
            both(At("toolConfig.tools"), At("toolConfig", lambda it: "toolChoice" not in it)),
        ),
        COHERE: both(At("tools"), At("", lambda it: "tool_choice" not in it)),
    },
)
REQUIRED = _mode(
    "tool choice: any tool",
    "required",
    "ANY",
    "any",
    openai_chat=At("tool_choice", "required"),
    openai_responses=At("tool_choice", "required"),
    anthropic_messages=At("tool_choice.type", "any"),
    gemini=At(f"{_CALLING}.mode", "ANY"),
    bedrock_converse=At("toolConfig.toolChoice.any"),
    cohere_chat=At("tool_choice", "REQUIRED"),
)
NEVER = Feature(
    name="tool choice: none",
    group="Tools",
    asks=_mode("", "none", "NONE", "none", text="call get_weather").asks,
    arrives={
        CHAT: At("tool_choice", "none"),
        RESPONSES: At("tool_choice", "none"),
        MESSAGES: At("tool_choice.type", "none"),
        GEMINI: At(f"{_CALLING}.mode", "NONE"),
        CONVERSE: At("", lambda body: "toolConfig" not in body),
        COHERE: At("tool_choice", "NONE"),
    },
)
NAMED = Feature(
    name="tool choice: one by name",
    group="Tools",
    asks=asking(
        "Hello there",
        openai_chat={"tool_choice": {"type": "function", "function": {"name": "get_time"}}},
        openai_responses={"tool_choice": {"type": "function", "name": "get_time"}},
        anthropic_messages={"tool_choice": {"type": "tool", "name": "get_time"}},
        gemini={"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_time"]}}},
    ),
    arrives={
        CHAT: (
            At("tool_choice.function.name", "get_time"),
            At("tool_choice.allowed_tools", {"mode": "required", "tools": so_many(1)}),
        ),
        RESPONSES: (
            At("tool_choice.name", "get_time"),
            At("tool_choice", {"type": "allowed_tools", "mode": "required", "tools": so_many(1)}),
        ),
        MESSAGES: At("tool_choice", {"type": "tool", "name": "get_time"}),
        GEMINI: At(_CALLING, {"mode": "ANY", "allowedFunctionNames": ["get_time"]}),
        CONVERSE: At("toolConfig.toolChoice.tool.name", "get_time"),
        COHERE: both(At("tool_choice", "REQUIRED"), At("tools", so_many(1)), At("tools.0.function.name", "get_time")),
    },
    shows={
        CHAT: At("choices.0.message.tool_calls.0.function.name", "get_time"),
        RESPONSES: At("output.*", {"type": "function_call", "name": "get_time"}),
        MESSAGES: At("content.*", {"type": "tool_use", "name": "get_time"}),
        GEMINI: At("candidates.0.content.parts.*.functionCall.name", "get_time"),
    },
)
_ALLOWED = [{"type": "function", "name": "get_time"}]
ALLOWED = Feature(
    name="tool choice: some allowed",
    group="Tools",
    asks=asking(
        "call get_weather and get_time",
        openai_chat={
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_time"}}]},
            }
        },
        openai_responses={"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": _ALLOWED}},
        gemini={"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["get_time"]}}},
    ),
    arrives={
        CHAT: At("tool_choice.allowed_tools.tools", so_many(1)),
        RESPONSES: At("tool_choice", {"type": "allowed_tools", "tools": _ALLOWED}),
        MESSAGES: At("tools", so_many(1)),
        GEMINI: At(f"{_CALLING}.allowedFunctionNames", ["get_time"]),
        CONVERSE: At("toolConfig.tools", so_many(1)),
        COHERE: At("tools", so_many(1)),
    },
)
STRICT = Feature(
    name="strict arguments",
    group="Tools",
    asks={
        CHAT: {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "strict": True, "parameters": {**SCHEMA, "additionalProperties": False}},
                }
            ]
        },
        RESPONSES: {
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "strict": True,
                    "parameters": {**SCHEMA, "additionalProperties": False},
                }
            ]
        },
        MESSAGES: {"tools": [{"name": "f", "strict": True, "input_schema": {**SCHEMA, "additionalProperties": False}}]},
    },
    arrives={
        CHAT: At("tools.0.function.strict", True),
        RESPONSES: At("tools.0.strict", True),
        MESSAGES: At("tools.0.strict", True),
        GEMINI: At(f"{_CALLING}.mode", "VALIDATED"),
        CONVERSE: (At("toolConfig.tools.0.toolSpec.strict", True), Told("strict")),
        COHERE: At("strict_tools", True),
    },
)
RESULT = "18 degrees"


def loop(dialect: str, *, result: Any = RESULT, failed: bool = False, call_id: str = "call_1") -> Json:
    """A conversation up to a tool's result."""
    match dialect:
        case "openai_chat":
            call = {
                "id": call_id,
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
            }
            return {
                **toolbox(dialect),
                "messages": [
                    {"role": "user", "content": "Weather?"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": call_id, "content": result},
                ],
            }
        case "openai_responses":
            call = {"type": "function_call", "call_id": call_id, "name": "get_weather", "arguments": '{"city":"Oslo"}'}
            return {
                **toolbox(dialect),
                "input": [
                    {"role": "user", "content": "Weather?"},
                    call,
                    {"type": "function_call_output", "call_id": call_id, "output": result},
                ],
            }
        case "anthropic_messages":
            call = {"type": "tool_use", "id": call_id, "name": "get_weather", "input": {"city": "Oslo"}}
            answered = {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": result,
                **({"is_error": True} if failed else {}),
            }
            return {
                **toolbox(dialect),
                "messages": [
                    {"role": "user", "content": "Weather?"},
                    {"role": "assistant", "content": [call]},
                    {"role": "user", "content": [answered]},
                ],
            }
        case _:
            answer = {"error": result} if failed else {"output": result}
            return {
                **toolbox(dialect),
                "contents": [
                    {"role": "user", "parts": [{"text": "Weather?"}]},
                    {
                        "role": "model",
                        "parts": [
                            {
                                "functionCall": {"id": call_id, "name": "get_weather", "args": {"city": "Oslo"}},
                                "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
                            }
                        ],
                    },
                    {
                        "role": "user",
                        "parts": [{"functionResponse": {"id": call_id, "name": "get_weather", "response": answer}}],
                    },
                ],
            }


_TWO = "degrees"
LOOP = Feature(
    name="calls and results in the history",
    group="Tools",
    asks={dialect: loop(dialect) for dialect in (CHAT, RESPONSES, MESSAGES, GEMINI)},
    arrives={
        CHAT: both(
            At(
                "messages.*.tool_calls.0",
                {"id": like("."), "function": {"name": "get_weather", "arguments": like("Oslo")}},
            ),
            At("messages.*", {"role": "tool", "tool_call_id": like("."), "content": says(_TWO)}),
        ),
        RESPONSES: both(
            At(
                "input.*",
                {"type": "function_call", "name": "get_weather", "arguments": like("Oslo"), "call_id": like(".")},
            ),
            At("input.*", {"type": "function_call_output", "output": says(_TWO), "call_id": like(".")}),
        ),
        MESSAGES: both(
            At(
                "messages.1.content.*",
                {"type": "tool_use", "name": "get_weather", "input": {"city": "Oslo"}, "id": like(".")},
            ),
            At("messages.2.content.*", {"type": "tool_result", "tool_use_id": like("."), "content": says(_TWO)}),
        ),
        GEMINI: both(
            At("contents.1.parts.*.functionCall", {"name": "get_weather", "args": {"city": "Oslo"}}),
            At("contents.2.parts.*.functionResponse", {"name": "get_weather", "response": lambda it: _TWO in str(it)}),
        ),
        CONVERSE: both(
            At(
                "messages.1.content.*.toolUse",
                {"name": "get_weather", "input": {"city": "Oslo"}, "toolUseId": like(".")},
            ),
            At("messages.2.content.*.toolResult", {"toolUseId": like("."), "content": lambda it: _TWO in str(it)}),
        ),
        COHERE: both(
            At(
                "messages.1.tool_calls.0",
                {"id": like("."), "function": {"name": "get_weather", "arguments": like("Oslo")}},
            ),
            At("messages.2", {"role": "tool", "tool_call_id": like("."), "content": lambda it: _TWO in str(it)}),
        ),
    },
    shows={
        CHAT: At("choices.0.message.content", says(RESULT)),
        RESPONSES: At("output.*.content.0.text", says(RESULT)),
        MESSAGES: At("content.*.text", says(RESULT)),
        GEMINI: At("candidates.0.content.parts.*.text", says(RESULT)),
    },
)
FAILED = Feature(
    name="a tool's failure",
    group="Tools",
    asks={dialect: loop(dialect, failed=True, result="no such city") for dialect in (MESSAGES, GEMINI)},
    arrives={
        CHAT: At("messages.*", {"role": "tool", "content": like("no such city")}),
        RESPONSES: At("input.*", {"type": "function_call_output", "output": says("no such city")}),
        MESSAGES: At("messages.*.content.*", {"type": "tool_result", "is_error": True}),
        GEMINI: At("contents.*.parts.*.functionResponse.response.error"),
        CONVERSE: At("messages.*.content.*.toolResult", {"status": "error"}),
        COHERE: At("messages.*", {"role": "tool", "content": lambda it: "no such city" in str(it)}),
    },
)
FREE = Feature(
    name="tools of free text",
    group="Tools",
    asks={
        CHAT: {
            **user(CHAT, "call patch"),
            "tools": [{"type": "custom", "custom": {"name": "patch", "description": "Applies"}}],
        },
        RESPONSES: {
            **user(RESPONSES, "call patch"),
            "tools": [{"type": "custom", "name": "patch", "description": "Applies"}],
        },
    },
    arrives={
        CHAT: At("tools.0", {"type": "custom", "custom": {"name": "patch"}}),
        RESPONSES: At("tools.0", {"type": "custom", "name": "patch"}),
        MESSAGES: At("tools.0", {"name": "patch", "input_schema": {"properties": {"input": {"type": "string"}}}}),
        GEMINI: At("tools.*.functionDeclarations.0.name", "patch"),
        CONVERSE: At("toolConfig.tools.0.toolSpec.name", "patch"),
        COHERE: At("tools.0.function.name", "patch"),
    },
    shows={
        CHAT: (
            At("choices.0.message.tool_calls.0.custom.name", "patch"),
            At("choices.0.message.tool_calls.0.function", {"name": "patch", "arguments": like('"input"')}),
        ),
        RESPONSES: (
            At("output.*", {"type": "custom_tool_call", "name": "patch"}),
            At("output.*", {"type": "function_call", "name": "patch", "arguments": like('"input"')}),
        ),
    },
)
_OLDER = {
    "name": "get_weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": True}}},
}
OLDER = Feature(
    name="functions with the older form of a schema",
    group="Tools",
    asks={GEMINI: {**user(GEMINI, "Hello there"), "tools": [{"functionDeclarations": [_OLDER]}]}},
    arrives=OFFERED.arrives,
)
ROWS = (OFFERED, OLDER, PARALLEL, ONE_AT_A_TIME, AUTO, REQUIRED, NEVER, NAMED, ALLOWED, STRICT, LOOP, FAILED, FREE)
