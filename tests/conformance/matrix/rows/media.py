"""Images, sound and files."""

from typing import Any

from matrix.feature import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature, Sought
from matrix.match import At, both, like, says
from matrix.rows.tools import loop

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IA=="
IMAGE_URL = "https://example.com/cat.png"
PDF_URL = "https://example.com/paper.pdf"
Json = dict[str, Any]


def chat(*parts: Json) -> Json:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, *parts]}]}


def responses(*parts: Json) -> Json:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Look"}, *parts]}]}


def gemini(*parts: Json) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": "Look"}, *parts]}]}


messages = chat
_DATA = f"data:image/png;base64,{PNG}"
_CLAUDE_PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
_READ = {
    CHAT: At("choices.0.message.content", says("1 image")),
    RESPONSES: At("output.*.content.0.text", says("1 image")),
    MESSAGES: At("content.*.text", says("1 image")),
    GEMINI: At("candidates.0.content.parts.*.text", says("1 image")),
}
IMAGE = Feature(
    name="images by their bytes",
    group="Media",
    asks={
        CHAT: chat({"type": "image_url", "image_url": {"url": _DATA}}),
        RESPONSES: responses({"type": "input_image", "image_url": _DATA}),
        MESSAGES: messages(_CLAUDE_PNG),
        GEMINI: gemini({"inlineData": {"mimeType": "image/png", "data": PNG}}),
    },
    arrives={
        CHAT: At("messages.0.content.*.image_url.url", _DATA),
        RESPONSES: At("input.0.content.*.image_url", _DATA),
        MESSAGES: At("messages.0.content.*", _CLAUDE_PNG),
        GEMINI: At("contents.0.parts.*.inlineData", {"mimeType": "image/png", "data": PNG}),
        CONVERSE: At("messages.0.content.*.image", {"format": "png", "source": {"bytes": PNG}}),
        COHERE: At("messages.0.content.*.image_url.url", _DATA),
    },
    shows=_READ,
)
IMAGE_BY_URL = Feature(
    name="images by URL",
    group="Media",
    asks={
        CHAT: chat({"type": "image_url", "image_url": {"url": IMAGE_URL}}),
        RESPONSES: responses({"type": "input_image", "image_url": IMAGE_URL}),
        MESSAGES: messages({"type": "image", "source": {"type": "url", "url": IMAGE_URL}}),
        GEMINI: gemini({"fileData": {"mimeType": "image/png", "fileUri": IMAGE_URL}}),
    },
    arrives={
        CHAT: At("messages.0.content.*.image_url.url", IMAGE_URL),
        RESPONSES: At("input.0.content.*.image_url", IMAGE_URL),
        MESSAGES: At("messages.0.content.*", {"type": "image", "source": {"type": "url", "url": IMAGE_URL}}),
        GEMINI: At("contents.0.parts.*.fileData", {"mimeType": "image/png", "fileUri": IMAGE_URL}),
        COHERE: At("messages.0.content.*.image_url.url", IMAGE_URL),
    },
    shows=_READ,
)
DETAIL = Feature(
    name="detail of images",
    group="Media",
    asks={
        CHAT: chat({"type": "image_url", "image_url": {"url": _DATA, "detail": "low"}}),
        RESPONSES: responses({"type": "input_image", "image_url": _DATA, "detail": "low"}),
    },
    arrives={
        CHAT: At("messages.0.content.*.image_url.detail", "low"),
        RESPONSES: At("input.0.content.*.detail", "low"),
        COHERE: At("messages.0.content.*.image_url.detail", "low"),
    },
)
_CLAUDE_PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
_PDF_DATA = f"data:application/pdf;base64,{PDF}"
FILE = Feature(
    name="files (PDF) by their bytes",
    group="Media",
    asks={
        CHAT: chat({"type": "file", "file": {"filename": "a.pdf", "file_data": _PDF_DATA}}),
        RESPONSES: responses({"type": "input_file", "filename": "a.pdf", "file_data": _PDF_DATA}),
        MESSAGES: messages(_CLAUDE_PDF),
        GEMINI: gemini({"inlineData": {"mimeType": "application/pdf", "data": PDF}}),
    },
    arrives={
        CHAT: At("messages.0.content.*.file.file_data", _PDF_DATA),
        RESPONSES: At("input.0.content.*.file_data", _PDF_DATA),
        MESSAGES: At("messages.0.content.*", _CLAUDE_PDF),
        GEMINI: At("contents.0.parts.*.inlineData", {"mimeType": "application/pdf", "data": PDF}),
        CONVERSE: At("messages.0.content.*.document", {"format": "pdf", "name": like("."), "source": {"bytes": PDF}}),
    },
)
FILE_BY_URL = Feature(
    name="files (PDF) by URL",
    group="Media",
    asks={
        RESPONSES: responses({"type": "input_file", "file_url": PDF_URL}),
        MESSAGES: messages({"type": "document", "source": {"type": "url", "url": PDF_URL}}),
        GEMINI: gemini({"fileData": {"mimeType": "application/pdf", "fileUri": PDF_URL}}),
    },
    arrives={
        RESPONSES: At("input.0.content.*.file_url", PDF_URL),
        MESSAGES: At("messages.0.content.*", {"type": "document", "source": {"type": "url", "url": PDF_URL}}),
        GEMINI: At("contents.0.parts.*.fileData", {"mimeType": "application/pdf", "fileUri": PDF_URL}),
    },
)


def _file_id(named: str) -> Sought:
    return At("**", lambda it: isinstance(it, dict) and named in it.values())


_GOOGLE_FILE = "https://generativelanguage.googleapis.com/v1beta/files/abc"
FILE_BY_ID = Feature(
    name="files by the provider's id",
    group="Media",
    asks={
        CHAT: chat({"type": "file", "file": {"file_id": "file-1"}}),
        RESPONSES: responses({"type": "input_file", "file_id": "file-1"}),
        MESSAGES: messages({"type": "document", "source": {"type": "file", "file_id": "file-1"}}),
        GEMINI: gemini({"fileData": {"mimeType": "application/pdf", "fileUri": _GOOGLE_FILE}}),
    },
    arrives={
        CHAT: _file_id("file-1"),
        RESPONSES: _file_id("file-1"),
        MESSAGES: _file_id("file-1"),
        GEMINI: (_file_id("file-1"), _file_id(_GOOGLE_FILE)),
    },
)
TEXT_FILE = Feature(
    name="files of plain text",
    group="Media",
    asks={
        MESSAGES: messages(
            {
                "type": "document",
                "title": "notes",
                "source": {"type": "text", "media_type": "text/plain", "data": "The sky is green"},
            }
        ),
    },
    arrives={
        CHAT: At("messages.0.content", says("sky is green")),
        RESPONSES: At("input.0.content.*.text", like("sky is green")),
        MESSAGES: At("messages.0.content.*.source", {"type": "text", "data": like("sky is green")}),
        GEMINI: At("contents.0.parts.*.text", like("sky is green")),
        CONVERSE: (
            At("messages.0.content.*.document.source.text", like("sky is green")),
            At("messages.0.content.*.document", {"format": "txt", "source": {"bytes": "VGhlIHNreSBpcyBncmVlbg=="}}),
        ),
        COHERE: At("documents.*", lambda it: "sky is green" in str(it)),
    },
)
AUDIO = Feature(
    name="sound in",
    group="Media",
    asks={
        CHAT: chat({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}),
        RESPONSES: responses({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}),
        GEMINI: gemini({"inlineData": {"mimeType": "audio/wav", "data": WAV}}),
    },
    arrives={
        CHAT: At("messages.0.content.*.input_audio", {"data": WAV, "format": "wav"}),
        RESPONSES: At("input.0.content.*.input_audio", {"data": WAV, "format": "wav"}),
        GEMINI: At("contents.0.parts.*.inlineData", {"mimeType": "audio/wav", "data": WAV}),
        CONVERSE: At("messages.0.content.*.audio", {"format": "wav", "source": {"bytes": WAV}}),
    },
)
SPOKEN = Feature(
    name="sound out",
    group="Media",
    asks={
        CHAT: {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
        GEMINI: {
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            }
        },
    },
    arrives={
        CHAT: both(At("modalities", ["audio"]), At("audio.voice")),
        GEMINI: At("generationConfig", {"responseModalities": ["AUDIO"]}),
    },
)
_SHOT = "A picture of it"
RESULT_IMAGE = Feature(
    name="images in a tool's result",
    group="Media",
    asks={
        RESPONSES: loop(
            RESPONSES, result=[{"type": "input_text", "text": _SHOT}, {"type": "input_image", "image_url": _DATA}]
        ),
        MESSAGES: loop(MESSAGES, result=[{"type": "text", "text": _SHOT}, _CLAUDE_PNG]),
    },
    arrives={
        CHAT: both(
            At("messages.*", {"role": "tool", "content": says(_SHOT)}),
            At("messages.*.content.*.image_url.url", _DATA),
        ),
        RESPONSES: At("input.*.output.*.image_url", _DATA),
        MESSAGES: At("messages.2.content.*.content.*", _CLAUDE_PNG),
        GEMINI: At("contents.2.**.inlineData.data", PNG),
        CONVERSE: At("messages.2.content.*.toolResult.content.*.image.source.bytes", PNG),
    },
)
ROWS = (IMAGE, IMAGE_BY_URL, DETAIL, FILE, FILE_BY_URL, FILE_BY_ID, TEXT_FILE, AUDIO, SPOKEN, RESULT_IMAGE)
