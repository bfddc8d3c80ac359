"""The table of providers; those with a dialect of their own stand in `native`.

A quirk stands here only when its source says so. Departures of single models (a reasoning model that
refuses `stop`, say) are no matter of the provider's and are left to the deployment.
"""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.providers.native import EVERY, NATIVE
from antiphon.providers.profile import CHAT, Profile
from antiphon.providers.ways import (
    COMPATIBLE,
    COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    GEMINI_EMBEDDINGS,
    IMAGES,
    LOCAL,
    MADE_IMAGES,
    MESSAGES,
    MODERATIONS,
    OPENAI,
    RERANK,
    RESPONSES,
    SOUND,
    TEXT,
    TRANSCRIPTION,
)

_DAY = "2026-11-21"

_HOSTED = (
    Profile(
        name="openai",
        base_url="https://api.openai.com/v1",
        needs_key=True,
        capabilities=EVERY,
        ways=OPENAI,
        source="openai-python 3.52.0, openai/types/chat/completion_create_params.py",
        as_of=_DAY,
    ),
    # The v1 API, GA since August 2025: no api-version, the deployment's name goes as `model`.
    # For an older api-version give a base URL up to `/openai/deployments/NAME` and `query: {api-version: …}`.
    Profile(
        name="azure",
        base_url=None,
        needs_key=True,
        auth_header="api-key",
        auth_prefix="",
        note="base_url is https://RESOURCE.openai.azure.com/openai/v1",
        ways=(CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, IMAGES, *SOUND),
        source="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
        as_of=_DAY,
    ),
    Profile(
        name="deepseek",
        base_url="https://api.deepseek.com",
        needs_key=True,
        thoughts="reasoning_content",  # api-docs.deepseek.com/guides/thinking_mode: needed back amid a tool loop
        output_limit_field="max_tokens",
        source="https://api-docs.deepseek.com/",
        as_of=_DAY,
    ),
    # It answers 422 `extra_forbidden` to `stream_options.include_usage` (issue 442 of openai/openai-agents-python)
    # and to `max_completion_tokens` (issue 315 of editor-code-assistant/eca); usage comes in the last chunk unasked.
    Profile(
        name="mistral",
        base_url="https://api.mistral.ai/v1",
        needs_key=True,
        usage_in_stream="always",
        output_limit_field="max_tokens",
        rejects=("stream_options",),
        continues="prefix",  # AssistantMessage.prefix of the same package
        ways=(CHAT, EMBEDDINGS, MODERATIONS, TRANSCRIPTION),
        source="mistralai 3.7.0, mistralai/client/models/chatcompletionstreamrequest.py",
        as_of=_DAY,
    ),
    # "will result in a 400 error"; `n` must be 1. Its parts are text, image and document.
    Profile(
        name="groq",
        base_url="https://api.groq.com/openai/v1",
        needs_key=True,
        rejects=("logprobs", "logit_bias", "top_logprobs"),
        capabilities=EVERY - {"logprobs", "multiple_answers", "audio", "audio_output", "files"},
        ways=(CHAT, RESPONSES, *SOUND),
        source="https://console.groq.com/docs/openai",
        as_of=_DAY,
    ),
    Profile(
        name="xai",
        base_url="https://api.x.ai/v1",
        needs_key=True,
        ways=(CHAT, RESPONSES, MADE_IMAGES),
        source="https://docs.x.ai/developers/introduction",
        as_of=_DAY,
    ),
    # Some of its models send a stream's usage only when asked: github.com/vercel/ai/pull/17986.
    Profile(
        name="together",
        base_url="https://api.together.ai/v1",
        needs_key=True,
        output_limit_field="max_tokens",
        ways=(*TEXT, RERANK, MADE_IMAGES, *SOUND),
        source="https://docs.together.ai/docs/inference/openai-compatibility",
        as_of=_DAY,
    ),
    # Newer models send a stream's usage only when asked: github.com/langchain-ai/langchain/pull/36977.
    Profile(
        name="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        needs_key=True,
        ways=(*TEXT, RESPONSES, RERANK),
        source="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        as_of=_DAY,
    ),
    Profile(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        needs_key=True,
        usage_in_stream="always",
        continues="assistant",  # openrouter.ai/docs/api/reference/overview, "Assistant prefill"
        ways=(CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS),
        source="https://openrouter.ai/docs/use-cases/usage-accounting",
        as_of=_DAY,
    ),
    # Its parts are text and image. Once it refused penalties and `logit_bias`; its SDK has them now.
    Profile(
        name="cerebras",
        base_url="https://api.cerebras.ai/v1",
        needs_key=True,
        capabilities=EVERY - {"audio", "audio_output", "files"},
        ways=(CHAT, COMPLETIONS),
        source="cerebras-cloud-sdk 1.91.0, types/chat/completion_create_params.py",
        as_of=_DAY,
    ),
    # The hosted API; for a NIM of your own give its base_url. It answers 400 to `prompt_cache_key`
    # (github.com/sipeed/picoclaw/issues/1019).
    Profile(
        name="nvidia",
        base_url="https://integrate.api.nvidia.com/v1",
        needs_key=True,
        rejects=("prompt_cache_key",),
        source="langchain-nvidia-ai-endpoints 1.5.0, chat_models.py; "
        "https://docs.nvidia.com/nim/large-language-models/latest/api-reference.html",
        as_of=_DAY,
    ),
    Profile(
        name="perplexity",
        base_url="https://api.perplexity.ai",
        needs_key=True,
        usage_in_stream="always",
        output_limit_field="max_tokens",
        note="Perplexity supported Chat Completions until 2026-09-27; its Agent API speaks OpenAI Responses",
        source="perplexityai 0.46.1, types/chat/completion_create_params.py; "
        "https://docs.perplexity.ai/docs/agent-api/migrate-from-sonar/overview",
        as_of=_DAY,
    ),
)

_LOCAL = (
    Profile(
        name="vllm",
        base_url="http://localhost:8000/v1",
        needs_key=False,
        continues="flags",  # ChatCompletionRequest.continue_final_message
        ways=(*LOCAL, RERANK, TRANSCRIPTION),
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        as_of=_DAY,
    ),
    Profile(
        name="sglang",
        base_url="http://localhost:30000/v1",
        needs_key=False,
        continues="flags",  # ChatCompletionRequest.continue_final_message
        ways=(*TEXT, RERANK),
        source="https://docs.sglang.io/docs/basic_usage/send_request",
        as_of=_DAY,
    ),
    # The usage comes beside the last choice or in a chunk of its own, by version (llama.cpp issue 15443).
    Profile(
        name="llamacpp",
        base_url="http://localhost:8080/v1",
        needs_key=False,
        ways=(*LOCAL, RERANK),
        source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        as_of=_DAY,
    ),
    Profile(
        name="ollama",
        base_url="http://localhost:11434/v1",
        needs_key=False,
        output_limit_field="max_tokens",
        ways=LOCAL,
        source="https://docs.ollama.com/api/openai-compatibility",
        as_of=_DAY,
    ),
    Profile(
        name="lmstudio",
        base_url="http://localhost:1234/v1",
        needs_key=False,
        output_limit_field="max_tokens",
        note="A stream's usage needs LM Studio 0.3.18 or later",
        ways=LOCAL,
        source="https://lmstudio.ai/docs/developer/openai-compat/chat-completions",
        as_of=_DAY,
    ),
    Profile(
        name="lab",
        base_url=None,
        needs_key=False,
        capabilities=EVERY,
        continues="assistant",
        ways=(*OPENAI, MESSAGES, GEMINI, GEMINI_EMBEDDINGS, RERANK),
        source="antiphon.providers.lab",
        as_of=_DAY,
    ),
    Profile(
        name="compatible",
        base_url=None,
        needs_key=False,
        note="Any other server that speaks Chat Completions; base_url is up to and with its version",
        ways=COMPATIBLE,
        source="openai-python 3.52.0, openai/types/chat/completion_create_params.py",
        as_of=_DAY,
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (*_HOSTED[:2], *NATIVE, *_HOSTED[2:], *_LOCAL)}
)
"""Rows by name."""
