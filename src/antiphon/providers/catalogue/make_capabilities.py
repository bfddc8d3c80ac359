"""Makes the lists of what models can do from LiteLLM's table (MIT, model_prices_and_context_window.json).

Only what the table says is missing counts as missing; what it doesn't mention stays unknown. Some of its denials are not
taken over, since a wrong one would keep requests from a model that can answer them:

- structured output: the table denies JSON schemas, and a model without them may still give JSON objects;
- web search and files: its denials are of single ways to send them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.core.request import Need
from antiphon.providers.catalogue.table import Capabilities, Facts

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "anthropic",
        "azure": "azure",
        "bedrock_converse": "bedrock",
        "bedrock": "bedrock",
        "cohere_chat": "cohere",
        "deepseek": "deepseek",
        "gemini": "gemini",
        "groq": "groq",
        "mistral": "mistral",
        "openai": "openai",
        "xai": "xai",
    }
)
"""Names of providers there, and here."""
MODES = frozenset({"chat", "responses"})
OUTPUTS = frozenset({"anthropic", "azure", "cohere", "deepseek", "gemini", "groq", "openai"})
"""Providers that publish how much each of their models writes at most. The others' numbers in the table are mostly the
context window, or a default."""
DOUBTFUL: frozenset[tuple[str, str]] = frozenset(
    {
        # "Thinking in tool-use", api-docs.deepseek.com/news/news251201 (V3.2): the table still denies it tools.
        ("deepseek", "deepseek-reasoner"),
        # Names that DeepSeek moves to newer models: the table has the limits of older ones.
        ("deepseek", "deepseek-chat"),
        ("deepseek", "deepseek-coder"),
        ("deepseek", "deepseek-r1"),
        ("deepseek", "deepseek-v3"),
        # 8,192 by platform.openai.com/docs/models/gpt-4; the table says 4,096.
        ("openai", "gpt-4"),
        ("openai", "gpt-4-0613"),
        ("openai", "gpt-4-0314"),
        ("azure", "gpt-4"),
        ("azure", "gpt-4-0613"),
    }
)
"""Models of which nothing is taken over but the context window."""


class _Entry(Struct, frozen=True):
    """What is read of an entry; where it says nothing, nothing is known."""

    litellm_provider: str = ""
    mode: str = ""
    max_input_tokens: int | float | str | None = None
    max_output_tokens: int | float | str | None = None
    supports_function_calling: bool | None = None
    supports_vision: bool | None = None
    supports_audio_input: bool | None = None
    supports_audio_output: bool | None = None
    supports_reasoning: bool | None = None

    def lacks(self) -> tuple[Need, ...]:
        said: dict[Need, bool | None] = {
            "tools": self.supports_function_calling,
            "images": self.supports_vision,
            "audio": self.supports_audio_input,
            "audio_output": self.supports_audio_output,
            "reasoning": self.supports_reasoning,
        }
        return tuple(sorted(need for need, has in said.items() if has is False))


def make_capabilities(table: bytes, source: str) -> Iterator[tuple[str, Capabilities]]:
    """Each provider's list by its name here. Raises: msgspec.DecodeError, when it isn't LiteLLM's table.

    Args:
        table: The table's JSON.
        source: What it is called, with its version and day.
    """
    found: dict[str, dict[str, Facts]] = defaultdict(dict)
    for name, raw in msgspec.json.decode(table, type=dict[str, msgspec.Raw]).items():
        entry = _entry(raw)
        provider = PROVIDERS.get(entry.litellm_provider) if entry is not None else None
        model = None if provider is None else _id(name.lower(), provider)
        if entry is None or provider is None or model is None or entry.mode not in MODES:
            continue
        facts = _facts(provider, model, entry)
        if facts != Facts():
            found[provider].setdefault(model, facts)
    for provider, models in sorted(found.items()):
        yield provider, Capabilities(source=source, models=dict(sorted(models.items())))


def _entry(raw: msgspec.Raw) -> _Entry | None:
    """None: the entry that explains the others."""
    try:
        return msgspec.json.decode(raw, type=_Entry)
    except msgspec.ValidationError:
        return None


def _id(name: str, provider: str) -> str | None:
    """The provider's own id; None: an entry of a region or a contract, whose id says nothing."""
    model = name.removeprefix(f"{provider}/")
    return None if provider in {"bedrock", "azure", "openai", "gemini"} and "/" in model else model


def _facts(provider: str, model: str, entry: _Entry) -> Facts:
    context = _whole(entry.max_input_tokens)
    if (provider, model) in DOUBTFUL:
        return Facts(context_tokens=context)
    output = _whole(entry.max_output_tokens) if provider in OUTPUTS else None
    bounded = output is not None and context is not None and output < context
    return Facts(lacks=entry.lacks(), context_tokens=context, output_tokens=output if bounded else None)


def _whole(value: float | str | None) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None
