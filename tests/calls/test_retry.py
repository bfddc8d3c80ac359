import json
import random
from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.retry import (
    TABLE,
    TELLING_ORDER,
    Failure,
    Meaning,
    Place,
    backoff_s,
    failure_of,
    most_telling,
    rests_s,
)
from antiphon.calls.settings_failure import RetrySettings
from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    BudgetExceeded,
    CannotCarry,
    ConfigError,
    OverLimit,
    StaleConnection,
    StoreError,
    Unavailable,
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
from antiphon.providers.failure import failure
from antiphon.wire.codecs import CODECS, UPSTREAMS

CALLERS = ("refused", "context_window", "content_policy", "unfit")


def tree(kind: type[AntiphonError]) -> Iterator[type[AntiphonError]]:
    yield kind
    for below in kind.__subclasses__():
        if not below.__module__.startswith("antiphon.providers.lab"):  # what a lab answers is no attempt's end
            yield from tree(below)


def made(kind: type[AntiphonError]) -> AntiphonError:
    return kind([]) if issubclass(kind, ConfigError) else kind("it failed")


def answered(status: int, body: object, headers: dict[bytes, bytes] | None = None) -> UpstreamError:
    return failure(status, headers or {}, json.dumps(body).encode(), "small", CODECS["openai_chat"])


def of(kind: Failure, retry_after_s: float | None = None) -> AntiphonError:
    """An error of that class of failure."""
    wait = retry_after_s
    match kind:
        case "auth":
            return UpstreamAuth("no", retry_after_s=wait)
        case "quota":
            return UpstreamQuota("no", retry_after_s=wait)
        case "rate_limited":
            return UpstreamLimited("no", retry_after_s=wait)
        case "overloaded":
            return UpstreamOverloaded("no", retry_after_s=wait)
        case "unreachable":
            return UpstreamUnreachable("no", retry_after_s=wait)
        case "stale":
            return StaleConnection("no", retry_after_s=wait)
        case "broken":
            return UpstreamBroken("no", retry_after_s=wait)
        case "malformed":
            return UpstreamMalformed("no", retry_after_s=wait)
        case "timeout" | "timeout_connect":
            return UpstreamTimeout("no", retry_after_s=wait)
        case "conflict":
            return UpstreamRefused("no", upstream_status=409, retry_after_s=wait)
        case "server_error":
            return UpstreamError("no", upstream_status=500, retry_after_s=wait)
        case "missing":
            return UpstreamRefused("no", upstream_status=404, retry_after_s=wait)
        case "context_window":
            return UpstreamRefused("no", body=b"prompt is too long", retry_after_s=wait)
        case "content_policy":
            return UpstreamRefused("no", body=b'"content_filter"', retry_after_s=wait)
        case "refused":
            return UpstreamRefused("no", upstream_status=400, retry_after_s=wait)
        case "unfit":
            return CannotCarry("no", retry_after_s=wait)
        case "full":
            return OverLimit("no", retry_after_s=wait)
        case "unpaid":
            return BudgetExceeded("no", retry_after_s=wait)
        case "ours":
            return StoreError("no", retry_after_s=wait)


KINDS = [kind for kind in get_args(Failure) if kind != "timeout_connect"]
errors = st.lists(
    st.builds(of, st.sampled_from(KINDS), st.none() | st.floats(0, 1000)),
    min_size=1,
    max_size=8,
)


# The table


def test_every_failure_has_a_row_and_a_place_in_the_order_of_telling() -> None:
    assert TABLE.keys() == set(get_args(Failure))
    assert sorted(TELLING_ORDER) == sorted(get_args(Failure))


@pytest.mark.parametrize("kind", list(tree(AntiphonError)), ids=lambda kind: kind.__name__)
def test_every_error_belongs_to_a_failure(kind: type[AntiphonError]) -> None:
    assert failure_of(made(kind)) in TABLE


@pytest.mark.parametrize("kind", list(tree(UpstreamError)), ids=lambda kind: kind.__name__)
def test_every_error_of_an_upstream_has_a_meaning_of_its_own(kind: type[UpstreamError]) -> None:
    assert failure_of(made(kind)) != "ours"


@given(st.integers(400, 599), st.binary(max_size=100))
def test_every_answer_of_an_upstream_belongs_to_a_failure(status: int, body: bytes) -> None:
    assert failure_of(failure(status, {}, body, "small", CODECS["openai_chat"])) not in {"ours", "full"}


def test_an_error_that_is_not_known_goes_by_what_it_is_derived_from() -> None:
    class UpstreamAsleep(UpstreamOverloaded):
        pass

    assert failure_of(UpstreamAsleep("it sleeps")) == "overloaded"


def test_what_speaks_against_an_upstream_is_retried_within_the_budget_and_after_a_wait() -> None:
    for kind, meaning in TABLE.items():
        if meaning.health == "bad":
            assert meaning.budgeted, kind
            assert meaning.waits, kind
            assert meaning.next, kind


def test_no_row_names_a_place_twice() -> None:
    for meaning in TABLE.values():
        assert len(set(meaning.next)) == len(meaning.next)


def test_what_the_caller_has_to_mend_goes_to_its_own_fallback_or_nowhere() -> None:
    assert TABLE["refused"].next == ()
    assert TABLE["context_window"].next == ("fallback:context_window",)
    assert TABLE["content_policy"].next == ("fallback:content_policy",)
    assert not any(TABLE[kind].repeats for kind in CALLERS)


def test_a_failure_of_our_own_ends_the_call() -> None:
    for error in (BadRequest("no"), StoreError("no"), Unavailable("no"), ConfigError([])):
        assert TABLE[failure_of(error)].next == ()


@pytest.mark.parametrize(
    ("kind", "first", "repeats"),
    [
        ("auth", "other_key", False),
        ("quota", "other_key", False),
        ("rate_limited", "other_key", True),
        ("overloaded", "other_deployment", True),
        ("stale", "same_key", True),
        ("conflict", "same_key", True),
        ("timeout", "other_deployment", True),
        ("server_error", "other_deployment", True),
        ("missing", "other_deployment", False),
        ("full", "other_deployment", False),
    ],
)
def test_a_failure_goes_to_its_best_place_first(kind: Failure, first: Place, repeats: bool) -> None:
    assert TABLE[kind].next[0] == first
    assert TABLE[kind].repeats is repeats


# From error to failure


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "refused"),
        (401, "auth"),
        (402, "quota"),
        (403, "auth"),
        (404, "missing"),
        (405, "refused"),
        (408, "timeout"),
        (409, "conflict"),
        (410, "missing"),
        (413, "refused"),
        (418, "refused"),
        (424, "server_error"),
        (422, "refused"),
        (425, "conflict"),
        (429, "rate_limited"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "overloaded"),
        (504, "timeout"),
        (529, "overloaded"),
        (599, "server_error"),
    ],
)
def test_an_answer_is_read_by_its_status(status: int, expected: Failure) -> None:
    assert failure_of(answered(status, {"error": {"message": "no"}})) == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "This model's ...", "code": "context_length_exceeded"}}),
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens."}),
        (400, {"error": {"message": "Your input exceeds the context window of this model."}}),
        (400, {"type": "error", "error": {"message": "prompt is too long: 191989 tokens > 180000 maximum"}}),
        (400, {"error": {"message": "input length and `max_tokens` exceed context limit: 178902 + 32000 > 200000"}}),
        (400, {"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (4)."}}),
        (400, {"message": "Input is too long for requested model."}),
        (
            400,
            {
                "error": {
                    "message": "Unable to submit request because the input token count is 9 but model only supports up to 4."
                }
            },
        ),
        (400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}),
        (400, {"message": "too many tokens: size limit exceeded by 11326 tokens."}),
        (400, {"error": {"code": 400, "type": "exceed_context_size_error"}}),
        (413, {"error": {"code": "context_length_exceeded"}}),
        (500, {"error": {"code": "context_length_exceeded"}}),
    ],
)
def test_a_prompt_too_long_is_known_by_the_upstreams_words(status: int, body: object) -> None:
    assert failure_of(answered(status, body)) == "context_window"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"code": "content_filter", "message": "The response was filtered"}}),
        (400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
        (400, {"error": {"code": "content_policy_violation"}}),
        (400, {"error": {"message": "Output blocked by content filtering policy"}}),
        (400, {"error": {"message": "blocked", "details": [{"blockReason": "PROHIBITED_CONTENT"}]}}),
        (403, {"error": {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "..."}}}),
    ],
)
def test_a_refusal_by_policy_is_known_by_the_upstreams_words(status: int, body: object) -> None:
    assert failure_of(answered(status, body)) == "content_policy"


def test_what_cohere_blocks_is_a_refusal_by_policy() -> None:
    assert failure_of(failure(498, {}, b'{"message":"no"}', "small", UPSTREAMS["cohere_chat"])) == "content_policy"


def test_a_deployment_that_azure_does_not_find_is_missing() -> None:
    body = {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}

    assert failure_of(answered(404, body)) == "missing"


def test_an_output_that_is_too_long_for_a_model_is_no_matter_of_its_context_window() -> None:
    said = "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model"

    assert failure_of(answered(400, {"message": said})) == "refused"


def test_a_filters_report_beside_another_mistake_is_not_a_refusal_by_policy() -> None:
    body = {"error": {"message": "bad parameter", "content_filter_result": {"hate": {"filtered": False}}}}

    assert failure_of(answered(400, body)) == "refused"


def test_an_error_amid_a_stream_is_known_by_its_message() -> None:
    assert failure_of(UpstreamRefused("prompt is too long: 9 tokens > 8 maximum")) == "context_window"


def test_quota_hidden_in_a_400_stays_quota() -> None:
    assert failure_of(answered(400, {"error": {"message": "Your credit balance is too low"}})) == "quota"


@pytest.mark.parametrize(
    ("error", "without", "behind"),
    [
        (UpstreamTimeout("no connection within 5 s"), "timeout_connect", "timeout"),
        (UpstreamUnreachable("refused"), "unreachable", "unreachable"),
    ],
)
def test_a_timeout_without_a_connection_is_told_apart(error: UpstreamError, without: Failure, behind: Failure) -> None:
    assert failure_of(error) == behind, "unless it is said, there was one"

    error.connected = False

    assert failure_of(error) == without


# How long what failed rests


def test_a_limited_key_rests_for_as_long_as_the_upstream_says() -> None:
    row, settings = TABLE["rate_limited"], RetrySettings(cooling_s=5)

    assert rests_s(row, 17.0, settings) == 17
    assert rests_s(row, 0.0, settings) == 0
    assert rests_s(row, None, settings) == 5


def test_a_dead_key_rests_for_a_set_time_or_until_the_configuration_is_read_again() -> None:
    assert rests_s(TABLE["auth"], None, RetrySettings(dead_key_s=300)) == 300
    assert rests_s(TABLE["quota"], 3600.0, RetrySettings(dead_key_s=300)) == 3600
    assert rests_s(TABLE["auth"], None, RetrySettings(dead_key_s=None)) is None


def test_an_overloaded_deployment_rests_only_if_it_says_so() -> None:
    assert rests_s(TABLE["overloaded"], 9.0, RetrySettings()) == 9
    assert rests_s(TABLE["overloaded"], None, RetrySettings()) == 0


def test_what_is_not_marked_does_not_rest() -> None:
    assert rests_s(Meaning(), 9.0, RetrySettings()) == 0


# Backoff


@given(
    st.integers(0, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.01, 60),
    st.floats(60, 600),
    st.none() | st.floats(0, 86_400),
)
def test_a_wait_is_within_its_cap_and_never_below_what_the_upstream_asks(
    attempt: int, seed: float, base_s: float, cap_s: float, asked_s: float | None
) -> None:
    wait_s = backoff_s(attempt, seed, base_s=base_s, cap_s=cap_s, retry_after_s=asked_s)

    assert (asked_s or 0) <= wait_s <= (asked_s or 0) + min(cap_s, base_s * 2.0 ** min(attempt, 64))


def test_waits_double_and_spread_over_the_whole_range() -> None:
    assert [backoff_s(n, 0.5, base_s=1, cap_s=10) for n in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert backoff_s(3, 0.0, base_s=1, cap_s=10) == 0


# What the caller is told


@given(errors, st.randoms(use_true_random=False))
def test_what_is_told_does_not_depend_on_the_order(tried: list[AntiphonError], chance: random.Random) -> None:
    shuffled = chance.sample(tried, len(tried))

    one, other = most_telling(tried), most_telling(shuffled)

    assert (one.failure, one.retry_after_s) == (other.failure, other.retry_after_s)
    assert one == most_telling(tried)


@given(errors)
def test_the_soonest_time_of_all_is_told_unless_waiting_would_not_help(tried: list[AntiphonError]) -> None:
    told = most_telling(tried)

    named = [error.retry_after_s for error in tried if error.retry_after_s is not None]
    helps = told.failure not in {*CALLERS, "ours"}
    assert told.retry_after_s == (min(named, default=None) if helps else None)
    assert told.error in tried
    assert failure_of(told.error) == told.failure


@given(errors, st.integers(0, 8))
def test_a_fallbacks_refusal_does_not_hide_why_the_model_asked_for_failed(
    tried: list[AntiphonError], asked: int
) -> None:
    told = most_telling(tried, asked=asked)

    said = [failure_of(error) for error in tried]
    if told.failure in CALLERS:
        assert told.failure in said[:asked] or all(one in CALLERS for one in said)


def test_the_first_of_several_equal_errors_is_told() -> None:
    first, second = of("overloaded", 9.0), of("overloaded", 3.0)

    told = most_telling([of("broken"), first, second])

    assert told.error is first
    assert told.retry_after_s == 3


def test_a_limit_is_told_before_a_breakdown_and_that_before_a_refused_key() -> None:
    assert most_telling([of("auth"), of("broken"), of("rate_limited")]).failure == "rate_limited"
    assert most_telling([of("auth"), of("broken")]).failure == "broken"
    assert most_telling([of("auth"), of("missing")]).failure == "auth"


def test_a_prompt_too_long_for_the_model_asked_for_is_told_though_its_fallback_is_overloaded() -> None:
    tried = [of("context_window"), of("overloaded", 5.0)]

    assert most_telling(tried, asked=1).failure == "context_window"
    assert most_telling(tried, asked=1).retry_after_s is None


def test_there_is_nothing_to_tell_without_an_error() -> None:
    with pytest.raises(ValueError, match="no attempt failed"):
        most_telling([])


# Settings


def test_a_base_above_the_cap_is_a_mistake() -> None:
    assert RetrySettings().check() == []
    [(path, wrong, remedy)] = RetrySettings(base_s=9, cap_s=8).check()
    assert (path, wrong) == ("base_s", "9 is more than cap_s 8")
    assert remedy


def test_a_setting_that_is_not_known_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"base": 1}, RetrySettings)
