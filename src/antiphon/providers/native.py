"""Providers that speak a dialect of their own."""

from typing import get_args

from antiphon.core.request import Need
from antiphon.providers.profile import Profile, Way
from antiphon.providers.ways import GEMINI, GEMINI_EMBEDDINGS, MESSAGES

EVERY: frozenset[Need] = frozenset(get_args(Need))
_DAY = "2026-11-27"
_NO_SOUND = EVERY - {"audio_output", "logprobs", "multiple_answers"}
_VERTEX_GEMINI = "/publishers/google/models/{model}:"
_VERTEX_CLAUDE = "/publishers/anthropic/models/{model}:"
_INVOKE = "/model/{model}/invoke"

NATIVE = (
    Profile(
        name="anthropic",
        base_url="https://api.anthropic.com/v1",
        needs_key=True,
        auth_header="x-api-key",
        auth_prefix="",
        ways=(MESSAGES,),
        headers={"anthropic-version": "2023-06-01"},
        continues="assistant",  # platform.claude.com/docs/en/build-with-claude/prefill-claudes-response
        capabilities=_NO_SOUND - {"audio"},
        source="anthropic 2.14.0, resources/messages/messages.py; platform.claude.com/docs/en/api/messages",
        as_of=_DAY,
    ),
    Profile(
        name="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        needs_key=True,
        auth_header="x-goog-api-key",
        auth_prefix="",
        ways=(GEMINI, GEMINI_EMBEDDINGS),
        capabilities=EVERY,
        source="google-genai 3.6.1, google/genai/models.py; ai.google.dev/api/generate-content",
        as_of=_DAY,
    ),
    Profile(
        name="vertex",
        base_url=None,
        needs_key=True,
        ways=(
            Way(
                dialect="gemini",
                path=f"{_VERTEX_GEMINI}generateContent",
                stream_path=f"{_VERTEX_GEMINI}streamGenerateContent?alt=sse",
                models="^(?!claude)",
            ),
            Way(
                dialect="anthropic_messages",
                path=f"{_VERTEX_CLAUDE}rawPredict",
                stream_path=f"{_VERTEX_CLAUDE}streamRawPredict",
                models="^claude",
                variant="vertex",
            ),
        ),
        capabilities=EVERY,
        note="base_url is https://REGION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/REGION; "
        "the credential is `auth.gcp`, or an access token as `key`",
        source="google-genai 3.6.1, google/genai/_api_client.py; anthropic 2.14.0, lib/vertex/_client.py",
        as_of=_DAY,
    ),
    Profile(
        name="bedrock",
        base_url=None,
        needs_key=True,
        ways=(
            Way(
                dialect="bedrock_converse", path="/model/{model}/converse", stream_path="/model/{model}/converse-stream"
            ),
            Way(
                dialect="anthropic_messages",
                path=_INVOKE,
                stream_path=f"{_INVOKE}-with-response-stream",
                models=r"anthropic\.",
                variant="bedrock",
            ),
        ),
        capabilities=_NO_SOUND,
        note="base_url is https://bedrock-runtime.REGION.amazonaws.com; the credential is `auth.aws`, or a Bedrock API key "
        "as `key`",
        source="botocore 1.44.8, data/bedrock-runtime/2023-09-30/service-2.json",
        as_of=_DAY,
    ),
    Profile(
        name="cohere",
        base_url="https://api.cohere.com",
        needs_key=True,
        ways=(
            Way(dialect="cohere_chat", path="/v2/chat"),
            Way(dialect="cohere_embeddings", path="/v2/embed"),
            Way(dialect="cohere_rerank", path="/v2/rerank"),
        ),
        capabilities=_NO_SOUND - {"audio", "files"},
        source="cohere 7.3.1, v2/client.py; docs.cohere.com/reference",
        as_of=_DAY,
    ),
)
