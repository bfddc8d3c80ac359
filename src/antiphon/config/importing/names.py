"""What other gateways call providers, and the profiles that these are here."""

from collections.abc import Mapping
from types import MappingProxyType

PROFILE_OF: Mapping[str, str] = MappingProxyType(
    {
        "openai": "openai",
        "text-completion-openai": "openai",
        "azure": "azure",
        "azure-openai": "azure",
        "azure_text": "azure",
        "anthropic": "anthropic",
        "gemini": "gemini",
        "google": "gemini",
        "vertex_ai": "vertex",
        "vertex-ai": "vertex",
        "bedrock": "bedrock",
        "cohere": "cohere",
        "cohere_chat": "cohere",
        "mistral": "mistral",
        "mistral-ai": "mistral",
        "groq": "groq",
        "xai": "xai",
        "x-ai": "xai",
        "together_ai": "together",
        "together-ai": "together",
        "fireworks_ai": "fireworks",
        "fireworks-ai": "fireworks",
        "openrouter": "openrouter",
        "cerebras": "cerebras",
        "nvidia_nim": "nvidia",
        "nim": "nvidia",
        "perplexity": "perplexity",
        "perplexity-ai": "perplexity",
        "deepseek": "deepseek",
        "ollama": "ollama",
        "ollama_chat": "ollama",
        "hosted_vllm": "vllm",
        "vllm": "vllm",
        "lm_studio": "lmstudio",
        "lmstudio": "lmstudio",
        "llamafile": "llamacpp",
        "custom_openai": "compatible",
        "openai_like": "compatible",
        "litellm_proxy": "compatible",
    }
)
"""By LiteLLM's and Portkey's names. Source: litellm 1.109.1, `provider_list`; Portkey gateway 1.15.2, `src/providers`."""
STARTS: tuple[tuple[str, str], ...] = (
    *((start, "openai") for start in ("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "dall-e", "whisper-", "tts-")),
    ("claude-", "anthropic"),
    ("gemini-", "vertex_ai"),
    ("command-", "cohere"),
)  # fmt: skip
"""Providers of models that LiteLLM names without one."""
LOCAL: frozenset[str] = frozenset(("ollama", "vllm", "lmstudio", "llamacpp", "compatible"))
"""Profiles that work without a key."""
KEY_VARIABLE: Mapping[str, str] = MappingProxyType(
    {"gemini": "GEMINI_API_KEY", "together": "TOGETHERAI_API_KEY", "fireworks": "FIREWORKS_AI_API_KEY", "azure": "AZURE_API_KEY"}
)  # fmt: skip
"""Where a provider's key is looked for when nothing is said; else `PROFILE_API_KEY`."""


def key_variable(profile: str) -> str:
    return KEY_VARIABLE.get(profile, f"{profile.upper()}_API_KEY")


def provider_of(model: str) -> str:
    """The provider of a model that is named without one; empty: it is not known."""
    return next((provider for start, provider in STARTS if model.startswith(start)), "")
