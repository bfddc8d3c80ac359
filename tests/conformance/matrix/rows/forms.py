"""The form that an answer must have."""

from matrix.feature import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, like

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_HAS = {"properties": {"city": {"type": like("(?i)string")}}}
SCHEMATIC = Feature(
    name="JSON by a schema",
    group="Form of the answer",
    asks={
        CHAT: {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "city", "strict": True, "schema": SCHEMA},
            }
        },
        RESPONSES: {"text": {"format": {"type": "json_schema", "name": "city", "strict": True, "schema": SCHEMA}}},
        MESSAGES: {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        GEMINI: {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
    },
    arrives={
        CHAT: At("response_format", {"type": "json_schema", "json_schema": {"name": like("."), "schema": _HAS}}),
        RESPONSES: At("text.format", {"type": "json_schema", "name": like("."), "schema": _HAS}),
        MESSAGES: At("output_config.format", {"type": "json_schema", "schema": _HAS}),
        GEMINI: (
            At("generationConfig", {"responseMimeType": "application/json", "responseJsonSchema": _HAS}),
            At("generationConfig", {"responseMimeType": "application/json", "responseSchema": _HAS}),
        ),
        CONVERSE: At(
            "outputConfig.textFormat", {"type": "json_schema", "structure": {"jsonSchema": {"schema": like("city")}}}
        ),
        COHERE: At("response_format", {"type": "json_object", "json_schema": _HAS}),
    },
    shows={
        CHAT: At("choices.0.message.content", like('^{"city":')),
        RESPONSES: At("output.*.content.0.text", like('^{"city":')),
        MESSAGES: At("content.*.text", like('^{"city":')),
        GEMINI: At("candidates.0.content.parts.0.text", like('^{"city":')),
    },
)
ANY_JSON = Feature(
    name="any JSON",
    group="Form of the answer",
    asks={
        CHAT: {
            "messages": [{"role": "user", "content": "Answer in JSON"}],
            "response_format": {"type": "json_object"},
        },
        RESPONSES: {"input": "Answer in JSON", "text": {"format": {"type": "json_object"}}},
        GEMINI: {
            "contents": [{"role": "user", "parts": [{"text": "Answer in JSON"}]}],
            "generationConfig": {"responseMimeType": "application/json"},
        },
    },
    arrives={
        CHAT: At("response_format.type", "json_object"),
        RESPONSES: At("text.format.type", "json_object"),
        MESSAGES: At("system.**", like("JSON")),
        GEMINI: At("generationConfig.responseMimeType", "application/json"),
        CONVERSE: At("system.*.text", like("JSON")),
        COHERE: At("response_format.type", "json_object"),
    },
)
VERBOSITY = Feature(
    name="verbosity",
    group="Form of the answer",
    asks={CHAT: {"verbosity": "low"}, RESPONSES: {"text": {"verbosity": "low"}}},
    arrives={CHAT: At("verbosity", "low"), RESPONSES: At("text.verbosity", "low")},
)
ROWS = (SCHEMATIC, ANY_JSON, VERBOSITY)
