"""What an answer tells beside its words."""

from typing import Any

from matrix.feature import CHAT, COHERE, COMPLETIONS, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, Joined
from matrix.said import (
    TEXT,
    chat_answer,
    claude_answer,
    cohere_answer,
    converse_answer,
    gemini_answer,
    responses_answer,
    said,
)

ANY: dict[Any, Any] = {CHAT: {}, RESPONSES: {}, MESSAGES: {}, GEMINI: {}, COMPLETIONS: {}}
_STREAMED: dict[Any, Any] = {
    CHAT: {"stream_options": {"include_usage": True}},
    COMPLETIONS: {"stream_options": {"include_usage": True}},
}
_PLAIN = {
    CHAT: chat_answer({"content": TEXT}),
    RESPONSES: responses_answer(said()),
    MESSAGES: claude_answer({"type": "text", "text": TEXT}),
    GEMINI: gemini_answer({"text": TEXT}),
    CONVERSE: converse_answer({"text": TEXT}),
    COHERE: cohere_answer(),
}
USAGE = Feature(
    name="usage",
    group="Answers",
    told=True,
    asks=ANY,
    asks_streamed=_STREAMED,
    answers=_PLAIN,
    shows={
        CHAT: At("usage", {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}),
        RESPONSES: At("usage", {"input_tokens": 12, "output_tokens": 9, "total_tokens": 21}),
        MESSAGES: (
            At("usage", {"input_tokens": 8, "output_tokens": 9}),
            At("usage", {"input_tokens": 12, "output_tokens": 9}),
        ),
        GEMINI: At("usageMetadata", {"promptTokenCount": 12, "totalTokenCount": 21}),
        COMPLETIONS: At("usage", {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}),
    },
    streams={
        CHAT: At("*.usage", {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}),
        COMPLETIONS: At("*.usage", {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}),
        RESPONSES: At("*.response.usage", {"input_tokens": 12, "output_tokens": 9, "total_tokens": 21}),
        MESSAGES: At("*.usage.output_tokens", 9),
        GEMINI: At("*.usageMetadata", {"promptTokenCount": 12, "totalTokenCount": 21}),
    },
)
CACHED = Feature(
    name="cached tokens in the usage",
    group="Answers",
    told=True,
    asks=ANY,
    asks_streamed=_STREAMED,
    answers=_PLAIN,
    shows={
        CHAT: At("usage.prompt_tokens_details.cached_tokens", 4),
        RESPONSES: At("usage.input_tokens_details.cached_tokens", 4),
        MESSAGES: At("usage.cache_read_input_tokens", 4),
        GEMINI: At("usageMetadata.cachedContentTokenCount", 4),
        COMPLETIONS: At("usage.prompt_tokens_details.cached_tokens", 4),
    },
    streams={
        CHAT: At("*.usage.prompt_tokens_details.cached_tokens", 4),
        COMPLETIONS: At("*.usage.prompt_tokens_details.cached_tokens", 4),
        RESPONSES: At("*.response.usage.input_tokens_details.cached_tokens", 4),
        MESSAGES: At("*.**.cache_read_input_tokens", 4),
        GEMINI: At("*.usageMetadata.cachedContentTokenCount", 4),
    },
)
CUT = Feature(
    name="finish: the bound was reached",
    group="Answers",
    told=True,
    asks=ANY,
    answers={
        CHAT: chat_answer({"content": TEXT}, "length"),
        RESPONSES: responses_answer(said(), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        MESSAGES: claude_answer({"type": "text", "text": TEXT}, stop="max_tokens"),
        GEMINI: gemini_answer({"text": TEXT}, finish="MAX_TOKENS"),
        CONVERSE: converse_answer({"text": TEXT}, stop="max_tokens"),
        COHERE: cohere_answer(finish="MAX_TOKENS"),
    },
    shows={
        CHAT: At("choices.0.finish_reason", "length"),
        RESPONSES: At("", {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}),
        MESSAGES: At("stop_reason", "max_tokens"),
        GEMINI: At("candidates.0.finishReason", "MAX_TOKENS"),
        COMPLETIONS: At("choices.0.finish_reason", "length"),
    },
    streams={
        CHAT: At("*.choices.0.finish_reason", "length"),
        RESPONSES: At("*", {"type": "response.incomplete", "response": {"status": "incomplete"}}),
        MESSAGES: At("*.delta.stop_reason", "max_tokens"),
        GEMINI: At("*.candidates.0.finishReason", "MAX_TOKENS"),
        COMPLETIONS: At("*.choices.0.finish_reason", "length"),
    },
)
FILTERED = Feature(
    name="finish: the content was filtered",
    group="Answers",
    told=True,
    asks=ANY,
    answers={
        CHAT: chat_answer({"content": TEXT}, "content_filter"),
        RESPONSES: responses_answer(said(), status="incomplete", incomplete_details={"reason": "content_filter"}),
        MESSAGES: claude_answer({"type": "text", "text": TEXT}, stop="refusal"),
        GEMINI: gemini_answer({"text": TEXT}, finish="SAFETY"),
        CONVERSE: converse_answer({"text": TEXT}, stop="content_filtered"),
    },
    shows={
        CHAT: At("choices.0.finish_reason", "content_filter"),
        RESPONSES: At("incomplete_details.reason", "content_filter"),
        MESSAGES: At("stop_reason", "refusal"),
        GEMINI: At("candidates.0.finishReason", "SAFETY"),
        COMPLETIONS: At("choices.0.finish_reason", "content_filter"),
    },
    streams={
        CHAT: At("*.choices.0.finish_reason", "content_filter"),
        RESPONSES: At("*.response.incomplete_details.reason", "content_filter"),
        MESSAGES: At("*.delta.stop_reason", "refusal"),
        GEMINI: At("*.candidates.0.finishReason", "SAFETY"),
        COMPLETIONS: At("*.choices.0.finish_reason", "content_filter"),
    },
)
STOPPED_AT = Feature(
    name="which stop sequence ended it",
    group="Answers",
    told=True,
    asks=ANY,
    answers={
        MESSAGES: claude_answer({"type": "text", "text": TEXT}, stop="stop_sequence", stop_sequence="END"),
        CONVERSE: converse_answer({"text": TEXT}, stop="stop_sequence", fields={"stop_sequence": "END"}),
    },
    shows={MESSAGES: At("stop_sequence", "END")},
    streams={MESSAGES: At("*.delta.stop_sequence", "END")},
)
_NO = "I can't help with that."
REFUSAL = Feature(
    name="refusal",
    group="Answers",
    told=True,
    asks=ANY,
    answers={
        CHAT: chat_answer({"content": None, "refusal": _NO}),
        RESPONSES: responses_answer(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "refusal", "refusal": _NO}],
            }
        ),
        MESSAGES: claude_answer({"type": "text", "text": _NO}, stop="refusal"),
    },
    shows={
        CHAT: (At("choices.0.message.refusal", _NO), At("choices.0.message.content", _NO)),
        RESPONSES: (At("output.*.content.*.refusal", _NO), At("output.*.content.*.text", _NO)),
        MESSAGES: At("content.*.text", _NO),
        GEMINI: At("candidates.0.content.parts.*.text", _NO),
        COMPLETIONS: At("choices.0.text", _NO),
    },
    streams={
        CHAT: (Joined("*.choices.0.delta.refusal", _NO), Joined("*.choices.0.delta.content", _NO)),
        RESPONSES: (
            At("*", {"type": "response.refusal.done", "refusal": _NO}),
            At("*", {"type": "response.output_text.done", "text": _NO}),
        ),
        MESSAGES: Joined("*.delta.text", _NO),
        GEMINI: Joined("*.candidates.0.content.parts.*.text", _NO),
        COMPLETIONS: Joined("*.choices.0.text", _NO),
    },
)
URL = "https://example.com/source"
_NOTE = {"type": "url_citation", "start_index": 0, "end_index": 10, "url": URL, "title": "Source"}
CITED = Feature(
    name="sources of the answer (URLs)",
    group="Answers",
    told=True,
    asks={CHAT: {}, RESPONSES: {}, MESSAGES: {}, GEMINI: {}},
    answers={
        CHAT: chat_answer(
            {
                "content": TEXT,
                "annotations": [
                    {"type": "url_citation", "url_citation": {k: v for k, v in _NOTE.items() if k != "type"}}
                ],
            }
        ),
        RESPONSES: responses_answer(said(annotations=[_NOTE])),
        MESSAGES: claude_answer(
            {
                "type": "text",
                "text": TEXT,
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": URL,
                        "title": "Source",
                        "cited_text": "The answer",
                        "encrypted_index": "abc",
                    }
                ],
            }
        ),
        GEMINI: gemini_answer(
            {"text": TEXT},
            groundingMetadata={
                "groundingChunks": [{"web": {"uri": URL, "title": "Source"}}],
                "groundingSupports": [
                    {"segment": {"startIndex": 0, "endIndex": 10, "text": "The answer"}, "groundingChunkIndices": [0]}
                ],
            },
        ),
    },
    shows={
        CHAT: At("choices.0.message.annotations.*.url_citation.url", URL),
        RESPONSES: At("output.*.content.*.annotations.*", {"type": "url_citation", "url": URL}),
        MESSAGES: At("content.*.citations.*", {"type": "web_search_result_location", "url": URL}),
        GEMINI: At("candidates.0.groundingMetadata.groundingChunks.*.web.uri", URL),
    },
    streams={
        CHAT: At("*.choices.0.delta.annotations.*.url_citation.url", URL),
        RESPONSES: At("*.annotation", {"type": "url_citation", "url": URL}),
        MESSAGES: At("*.delta.citation", {"url": URL}),
        GEMINI: At("*.candidates.0.groundingMetadata.groundingChunks.*.web.uri", URL),
    },
)
_TOKEN: dict[str, Any] = {"token": TEXT, "logprob": -0.25, "bytes": list(TEXT.encode())}
_TOKENS = [{**_TOKEN, "top_logprobs": [_TOKEN]}]
LOGPROBS = Feature(
    name="logprobs",
    group="Answers",
    asks={
        CHAT: {"logprobs": True, "top_logprobs": 2},
        RESPONSES: {"top_logprobs": 2, "include": ["message.output_text.logprobs"]},
        GEMINI: {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
        COMPLETIONS: {"logprobs": 2},
    },
    arrives={
        CHAT: At("", {"logprobs": True, "top_logprobs": 2}),
        RESPONSES: At("", {"top_logprobs": 2, "include": ["message.output_text.logprobs"]}),
        GEMINI: At("generationConfig", {"responseLogprobs": True, "logprobs": 2}),
        COHERE: At("logprobs", True),
    },
    answers={
        RESPONSES: responses_answer(said(logprobs=_TOKENS)),
        GEMINI: gemini_answer(
            {"text": TEXT},
            avgLogprobs=-0.25,
            logprobsResult={
                "chosenCandidates": [{"token": TEXT, "tokenId": 1, "logProbability": -0.25}],
                "topCandidates": [{"candidates": [{"token": TEXT, "tokenId": 1, "logProbability": -0.25}]}],
            },
        ),
        COHERE: cohere_answer(logprobs=[{"token_ids": [1], "text": TEXT, "logprobs": [-0.25]}]),
    },
    shows={
        CHAT: At("choices.0.logprobs.content.0.logprob"),
        RESPONSES: At("output.*.content.0.logprobs.0.logprob"),
        GEMINI: At("candidates.0.logprobsResult.chosenCandidates.0.logProbability"),
        COMPLETIONS: At("choices.0.logprobs.token_logprobs.0"),
    },
    streams={
        CHAT: At("*.choices.0.logprobs.content.0.logprob"),
        RESPONSES: At("*.logprobs.0.logprob"),
        GEMINI: At("*.candidates.0.logprobsResult.chosenCandidates.0.logProbability"),
        COMPLETIONS: At("*.choices.0.logprobs.token_logprobs.0"),
    },
)
_SOUND = "AAECAwQF"
SPOKEN = Feature(
    name="sound in the answer",
    group="Answers",
    told=True,
    asks={CHAT: {"modalities": ["text", "audio"], "audio": {"voice": "Kore", "format": "pcm16"}}, GEMINI: {}},
    answers={
        CHAT: chat_answer(
            {
                "content": None,
                "audio": {"id": "audio_1", "data": _SOUND, "transcript": TEXT, "expires_at": 1_796_000_000},
            }
        ),
        GEMINI: gemini_answer({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": _SOUND}}),
    },
    shows={
        CHAT: At("choices.0.message.audio.data", _SOUND),
        GEMINI: At("candidates.0.content.parts.*.inlineData.data", _SOUND),
    },
    streams={
        CHAT: At("*.choices.0.delta.audio.data", _SOUND),
        GEMINI: At("*.candidates.0.content.parts.*.inlineData.data", _SOUND),
    },
)
ROWS = (SPOKEN, USAGE, CACHED, CUT, FILTERED, STOPPED_AT, REFUSAL, CITED, LOGPROBS)
