"""The shapes of answers, as far as they are read. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`."""

from typing import Any

from msgspec import Raw, Struct

from antiphon.core.content import Citation, Extra
from antiphon.wire.fields import as_object


class ToolUse(Struct, gc=False, rename="camel"):
    tool_use_id: str
    name: str
    input: Raw = Raw(b"{}")
    type: str | None = None


class ReasoningText(Struct, gc=False):
    text: str = ""
    signature: str | None = None


class ReasoningContent(Struct, gc=False, rename="camel"):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Words(Struct, gc=False):
    text: str = ""


class Cited(Struct, gc=False, rename="camel"):
    """A citation; its location is one of several kinds."""

    title: str | None = None
    source: str | None = None
    source_content: list[Words] = []
    location: dict[str, Any] | None = None

    def citation(self) -> Citation:
        """Positions are of the source, so they stay in Bedrock's own form."""
        location = self.location or {}
        kind, inner = next(iter(location.items()), ("", None))
        place = as_object(inner) or {}
        url, document = place.get("url"), place.get("documentIndex")
        extra: Extra = {} if kind == "web" or not location else {"location": location}
        source = self.source
        if not isinstance(url, str):
            url = source if source and source.startswith(("http://", "https://")) else None
        if source and source != url:
            extra["source"] = source
        return Citation(
            kind="url" if url else "document" if kind.startswith("document") else "other",
            url=url,
            title=self.title,
            quoted="".join(words.text for words in self.source_content) or None,
            document=document if type(document) is int else None,
            extra=extra,
        )


class CitationsContent(Struct, gc=False):
    content: list[Words] = []
    citations: list[Cited] = []


class ImageSource(Struct, gc=False):
    bytes: str


class ImageContent(Struct, gc=False):
    format: str
    source: ImageSource


class Block(Struct, gc=False, rename="camel"):
    """One block of a message. What none of these is, is of a kind that the canonical form has no word for."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: ReasoningContent | None = None
    citations_content: CitationsContent | None = None
    image: ImageContent | None = None


class Message(Struct, gc=False):
    content: list[Raw]
    role: str = "assistant"


class Output(Struct, gc=False):
    message: Message


class Tier(Struct, gc=False):
    type: str = "default"


class Performance(Struct, gc=False):
    latency: str = "standard"


class Beside(Struct, gc=False, rename="camel"):
    """What a whole answer and the last event of a stream say beside the content."""

    usage: Raw = Raw(b"null")
    trace: dict[str, Any] | None = None
    service_tier: Tier | None = None
    performance_config: Performance | None = None

    def extra(self) -> Extra:
        """What is not as usual. `metrics` is left: the time that it took is measured here, too."""
        out: Extra = {}
        if self.trace:
            out["trace"] = self.trace
        if self.service_tier is not None and self.service_tier.type != "default":
            out["serviceTier"] = {"type": self.service_tier.type}
        if self.performance_config is not None and self.performance_config.latency != "standard":
            out["performanceConfig"] = {"latency": self.performance_config.latency}
        return out


class Answer(Beside, gc=False, rename="camel"):
    """A whole answer, or an error that came as one."""

    output: Output | None = None
    stop_reason: str | None = None
    additional_model_response_fields: dict[str, Any] | None = None
    message: str | None = None


def own_fields(fields: dict[str, Any] | None) -> Extra:
    """The model's own fields, less the one that was asked for here."""
    rest = {name: value for name, value in (fields or {}).items() if name != "stop_sequence" and value is not None}
    return {"additionalModelResponseFields": rest} if rest else {}
