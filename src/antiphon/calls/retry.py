"""What a failure means: the one table, by class of failure, of what to do after an attempt that failed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from antiphon.calls.settings_failure import RetrySettings
from antiphon.core.error import (
    AntiphonError,
    BudgetExceeded,
    CannotCarry,
    EnvelopeExceeded,
    OverLimit,
    StaleConnection,
    UpstreamAuth,
    UpstreamBroken,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)

Failure = Literal[
    "auth",
    "quota",
    "rate_limited",
    "overloaded",
    "unreachable",
    "stale",
    "broken",
    "malformed",
    "timeout_connect",
    "timeout",
    "conflict",
    "server_error",
    "missing",
    "context_window",
    "content_policy",
    "refused",
    "unfit",
    "full",
    "unpaid",
    "ours",
]
"""`missing`: the upstream doesn't know the model. `unfit`: the request can't be put into its words without
a loss that isn't allowed. `full`: our own limit on it. `unpaid`: a budget can't cover
it. `ours`: not an upstream's failure."""

Place = Literal[
    "same_key", "other_key", "other_deployment", "fallback:context_window", "fallback:content_policy", "fallback:any"
]
"""Where the next attempt may go. `other_key` is of the same deployment, `other_deployment` of the same model."""

Mark = Literal["nothing", "key_dead", "key_cooling", "deployment_cooling"]
Health = Literal["bad", "good", "unknown"]


class Meaning(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    next: tuple[Place, ...] = ()
    """Where to go on, best first; the first that is there is taken. Empty: nowhere."""
    mark: Mark = "nothing"
    health: Health = "unknown"
    """What it tells the circuit breaker: a failure, an answer from a sound upstream, or nothing."""
    budgeted: bool = True
    """Whether the attempt that follows is a retry that draws from the retry budget."""
    waits: bool = False
    """Whether waiting helps, so that another attempt at the same deployment comes after a backoff."""

    @property
    def repeats(self) -> bool:
        """Whether the same attempt may be made again, at the same deployment with the same key."""
        return "same_key" in self.next


_ELSEWHERE: tuple[Place, ...] = ("other_deployment", "fallback:any")
_SERVER = Meaning(next=("other_deployment", "same_key", "fallback:any"), health="bad", waits=True)
_SLOW = Meaning(next=("other_deployment", "fallback:any", "same_key"), health="bad", waits=True)
# A key's own trouble says nothing of the upstream. A marked key isn't asked again, so there are no more of
# these attempts than keys, and they need no budget.
_KEY = Meaning(next=("other_key", *_ELSEWHERE), mark="key_dead", budgeted=False)

TABLE: Mapping[Failure, Meaning] = MappingProxyType(
    {
        "auth": _KEY,
        "quota": _KEY,
        "rate_limited": Meaning(
            next=("other_key", "other_deployment", "fallback:any", "same_key"), mark="key_cooling", waits=True
        ),
        "overloaded": Meaning(next=_SERVER.next, mark="deployment_cooling", health="bad", waits=True),
        "unreachable": _SERVER,
        # The upstream can't have taken the request, and connections end as a matter of course.
        "stale": Meaning(next=("same_key", *_ELSEWHERE), budgeted=False),
        "broken": _SERVER,
        "malformed": _SERVER,
        "timeout_connect": _SERVER,
        # Asking the same one again takes as long again: another model comes first.
        "timeout": _SLOW,
        "conflict": Meaning(next=("same_key", "other_deployment"), waits=True),
        "server_error": _SERVER,
        "missing": Meaning(next=_ELSEWHERE, budgeted=False),
        "context_window": Meaning(next=("fallback:context_window",), health="good", budgeted=False),
        "content_policy": Meaning(next=("fallback:content_policy",), health="good", budgeted=False),
        "refused": Meaning(health="good", budgeted=False),
        # Nothing was sent: another may take the request as it is.
        "unfit": Meaning(next=_ELSEWHERE, budgeted=False),
        # No attempt was made: what follows is the first. To wait for room is the queue's business.
        "full": Meaning(next=_ELSEWHERE, budgeted=False),
        # Another may cost less, or fall under other budgets.
        "unpaid": Meaning(next=_ELSEWHERE, budgeted=False),
        "ours": Meaning(budgeted=False),
    }
)

_CLASSES: Mapping[type[AntiphonError], Failure] = MappingProxyType(
    {
        AntiphonError: "ours",
        CannotCarry: "unfit",
        OverLimit: "full",
        BudgetExceeded: "unpaid",
        EnvelopeExceeded: "unpaid",
        UpstreamError: "server_error",
        UpstreamRefused: "refused",
        UpstreamAuth: "auth",
        UpstreamQuota: "quota",
        UpstreamLimited: "rate_limited",
        UpstreamOverloaded: "overloaded",
        UpstreamUnreachable: "unreachable",
        UpstreamBroken: "broken",
        StaleConnection: "stale",
        UpstreamMalformed: "malformed",
        UpstreamTimeout: "timeout",
    }
)
_STATUSES: Mapping[int, Failure] = MappingProxyType(
    {404: "missing", 408: "timeout", 409: "conflict", 410: "missing", 424: "server_error", 425: "conflict"}
)
"""For errors whose class leaves it open. 408 and 409 are retried by openai-python 3.52.0 (`_base_client.py`); 424 is
Bedrock's for a model that failed (`ModelErrorException`; botocore 1.44.8, `bedrock-runtime/service-2.json`).
"""

WORDS_BYTES = 16_384
"""How much of an error's body is searched for the words below."""
_CONTEXT_WINDOW = (
    b"context_length_exceeded",  # OpenAI, Azure, Groq: `code`; platform.openai.com/docs/guides/error-codes, 2026-11
    b"maximum context length",  # OpenAI, vLLM, Mistral: "This model's maximum context length is 4096 tokens"
    b"exceeds the context window",  # OpenAI Responses: "Your input exceeds the context window of this model"
    b"prompt is too long",  # Anthropic: github.com/anthropics/claude-code/issues/14195, 2025-12
    b"exceed context limit",  # Anthropic: "input length and `max_tokens` exceed context limit: 178902 + 32000 > 200000"
    b"exceeds the maximum number of tokens",  # Gemini: github.com/google-gemini/gemini-cli/issues/12098, 2025-10
    b"the input token count is",  # Vertex: "… because the input token count is 135538 but model only supports up to 131072"
    b"input is too long for requested model",  # Bedrock, ValidationException
    b"total number of tokens in the prompt",  # Cohere: "too many tokens: …"; docs.cohere.com/reference/errors, 2026-11
    b"too many tokens: size limit exceeded",  # Cohere, of its inputs; the same page
    b"exceed_context_size_error",  # llama.cpp: `type`; tools/server/server-context.cpp
)
_CONTENT_POLICY = (
    b"content_policy_violation",  # OpenAI: `code` of images and of reasoning models
    b"responsibleaipolicyviolation",  # Azure: `innererror.code`; learn.microsoft.com, Azure OpenAI content filtering
    b'"content_filter"',  # Azure: `code`; in quotes, as `content_filter_result` stands in other answers too
    b'"prohibited_content"',  # Gemini: `blockReason`; ai.google.dev/api/generate-content, 2026-11
    b"output blocked by content filtering policy",  # Anthropic: message of an invalid_request_error, 400
    b"flagged_input",  # OpenRouter: 403 with `error.metadata.flagged_input`; openrouter.ai/docs, errors
)


def failure_of(error: AntiphonError) -> Failure:
    """The class of failure that an attempt's error belongs to."""
    known: Failure = next(_CLASSES[kind] for kind in type(error).__mro__ if kind in _CLASSES)
    if not isinstance(error, UpstreamError):
        return known
    if known == "timeout" and not error.connected:
        return "timeout_connect"
    # A refused credential is looked at too: some answer 403 to a prompt, which must not cost the key its life.
    if known in {"refused", "server_error", "auth"}:
        return _said(error) or _by_status(known, error.upstream_status)
    return known


def _said(error: UpstreamError) -> Failure | None:
    words = b'"%b" %b' % (error.shown_code.encode(), error.body[:WORDS_BYTES] or error.message.encode())
    words = words.lower()
    if any(mark in words for mark in _CONTEXT_WINDOW):
        return "context_window"
    return "content_policy" if any(mark in words for mark in _CONTENT_POLICY) else None


def _by_status(known: Failure, status: int | None) -> Failure:
    if status is None or known == "auth":
        return known
    if status in _STATUSES:
        return _STATUSES[status]
    return "refused" if 400 <= status < 500 else known


def rests_s(meaning: Meaning, retry_after_s: float | None, settings: RetrySettings) -> float | None:
    """Seconds that what `meaning` marks isn't asked; None: until the configuration is read again."""
    match meaning.mark:
        case "nothing":
            return 0.0
        case "deployment_cooling":
            return retry_after_s or 0.0
        case "key_cooling":
            return settings.cooling_s if retry_after_s is None else retry_after_s
        case "key_dead":
            return None if settings.dead_key_s is None else max(settings.dead_key_s, retry_after_s or 0.0)


def backoff_s(
    attempt: int,
    seed_fraction: float,
    *,
    base_s: float,
    cap_s: float,
    retry_after_s: float | None = None,
) -> float:
    """Seconds to wait before the same is asked again, with full jitter.

    Args:
        attempt: How many retries there were; 0 before the first.
        seed_fraction: Evenly spread in [0, 1).
        retry_after_s: What the upstream asked for: the jitter comes on top of it, so that callers who were
            told the same second don't come back in the same one.
    Source: "Full Jitter", M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015-03.
    """
    jitter_s = seed_fraction * min(cap_s, base_s * 2.0 ** min(attempt, 64))
    return jitter_s + (retry_after_s or 0.0)


class Telling(Struct, frozen=True, kw_only=True):
    """What the caller is told when nothing is left to try."""

    error: AntiphonError
    failure: Failure
    retry_after_s: float | None
    """Seconds; the soonest that any upstream named. None: none did, or a later try wouldn't help."""


_CALLERS: tuple[Failure, ...] = ("refused", "context_window", "content_policy", "unfit")
TELLING_ORDER: tuple[Failure, ...] = (
    "ours",  # our own failure ends a call, whatever came before it
    "rate_limited",  # then what says when to come back …
    "overloaded",
    "full",
    "timeout",  # … then what may be over by then …
    "server_error",
    "conflict",
    "broken",
    "malformed",
    "unreachable",
    "timeout_connect",
    "stale",
    "unpaid",  # … then what the operator has to mend …
    "quota",
    "auth",
    "missing",
    *_CALLERS,  # … and last what a fallback model thinks of a request that was meant for another.
)


def most_telling(errors: Sequence[AntiphonError], *, asked: int | None = None) -> Telling:
    """Of all attempts' errors, the one that the caller gets.

    First what the caller can mend (a refused request, one too long, one against a policy), when the model that
    was asked for said it; else the first in `TELLING_ORDER`. Among errors of one class the earliest is taken;
    class and `retry_after_s` don't depend on the order within the first `asked` errors, nor within the rest.

    Args:
        errors: In the order of the attempts; one at least.
        asked: How many of them came before any fallback to another model. Default: all.
    Raises: ValueError for no error.
    """
    if not errors:
        raise ValueError("no attempt failed, so there is nothing to tell")
    failures: list[Failure] = [failure_of(error) for error in errors]
    first = failures if asked is None else failures[:asked]
    order: tuple[Failure, ...] = (*(one for one in _CALLERS if one in first), *TELLING_ORDER)
    failure: Failure = next(one for one in order if one in failures)
    at = failures.index(failure)
    waits = (error.retry_after_s for error in errors if error.retry_after_s is not None)
    soonest_s = None if failure in _CALLERS or failure == "ours" else min(waits, default=None)
    return Telling(error=errors[at], failure=failure, retry_after_s=soonest_s)
