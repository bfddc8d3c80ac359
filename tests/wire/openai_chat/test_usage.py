from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage

from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.usage import MAX_TOKENS, encode_usage, usage_of


def said(prompt: Any = 100, completion: Any = 20, **fields: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **fields}


def test_all_counts_are_read() -> None:
    usage, note = usage_of(
        said(
            total_tokens=120,
            prompt_tokens_details={
                "cached_tokens": 40,
                "cache_write_tokens": 30,
                "audio_tokens": 5,
                "image_tokens": 6,
                "text_tokens": 89,
            },
            completion_tokens_details={"reasoning_tokens": 7, "audio_tokens": 8, "accepted_prediction_tokens": 1},
        )
    )

    assert note == ""
    assert usage == Usage(
        input_tokens=100,
        output_tokens=20,
        cached_tokens=40,
        cache_write_tokens=30,
        input_audio_tokens=5,
        input_image_tokens=6,
        reasoning_tokens=7,
        output_audio_tokens=8,
    )


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
def test_missing_details_are_zero(details: Any) -> None:
    usage, _ = usage_of(said(prompt_tokens_details=details, completion_tokens_details=None))

    assert usage == Usage(input_tokens=100, output_tokens=20)


def test_deepseeks_cache_hits_are_read() -> None:
    usage, _ = usage_of(said(prompt_cache_hit_tokens=64, prompt_cache_miss_tokens=36))

    assert usage == Usage(input_tokens=100, output_tokens=20, cached_tokens=64)


def test_the_details_win_over_deepseeks_older_field() -> None:
    usage, _ = usage_of(said(prompt_cache_hit_tokens=64, prompt_tokens_details={"cached_tokens": 32}))

    assert usage is not None
    assert usage.cached_tokens == 32


def test_reasoning_counted_beside_the_answer_is_added_where_the_total_proves_it() -> None:
    details = {"reasoning_tokens": 200}

    beside, _ = usage_of(said(total_tokens=320, completion_tokens_details=details))
    within, note = usage_of(said(total_tokens=120, completion_tokens_details=details))

    assert beside == Usage(input_tokens=100, output_tokens=220, reasoning_tokens=200)
    assert within is None
    assert note == "usage says 200 reasoning_tokens of 20 completion_tokens"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "usage is not an object"),
        ([], "usage is not an object"),
        ({}, "usage has no prompt_tokens"),
        ({"prompt_tokens": 1}, "usage has no completion_tokens"),
        (said(prompt=None), "usage has no prompt_tokens"),
        (said(prompt=-1), "usage.prompt_tokens is -1, which is no count of tokens"),
        (said(prompt="100"), "usage.prompt_tokens is 100, which"),
        (said(prompt=1.0), "usage.prompt_tokens is 1.0"),
        (said(prompt=True), "usage.prompt_tokens is True"),
        (said(completion=MAX_TOKENS + 1), "usage.completion_tokens is 1000000001"),
        (said(completion=10**5000), "usage.completion_tokens is a number of very many"),
        (said(prompt_tokens_details=[1]), "usage.prompt_tokens_details is not an object"),
        (said(prompt_tokens_details={"cached_tokens": 101}), "101 cached_tokens of 100 prompt_tokens"),
        (said(prompt_tokens_details={"cached_tokens": -1}), "usage.cached_tokens is -1"),
        (
            said(prompt_tokens_details={"cached_tokens": 60, "cache_write_tokens": 41}),
            "101 cached and cache-write tokens of 100 prompt_tokens",
        ),
        (said(prompt_tokens_details={"audio_tokens": 101}), "101 input_audio_tokens of 100"),
        (said(completion_tokens_details={"reasoning_tokens": 21}), "21 reasoning_tokens of 20"),
        (said(prompt_cache_hit_tokens=101), "101 cached_tokens of 100"),
        (said(prompt_cache_hit_tokens="x"), "usage.prompt_cache_hit_tokens is x"),
    ],
)
def test_a_usage_that_can_not_be_is_not_believed(value: Any, why: str) -> None:
    usage, note = usage_of(value)

    assert usage is None
    assert why in note
    assert len(note) < 120


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(
            st.sampled_from(
                [
                    "prompt_tokens",
                    "completion_tokens",
                    "total_tokens",
                    "prompt_tokens_details",
                    "cached_tokens",
                    "completion_tokens_details",
                    "reasoning_tokens",
                ]
            ),
            inner,
        ),
    )
)
def test_anything_is_believed_or_not_but_never_fails(value: Any) -> None:
    usage, note = usage_of(value)

    assert (usage is None) == bool(note)
    if usage is not None:
        assert usage.fresh_input_tokens >= 0
        assert usage.reasoning_tokens <= usage.output_tokens


def test_what_is_written_is_the_sdks_form() -> None:
    usage = Usage(input_tokens=9, output_tokens=4, cached_tokens=3, reasoning_tokens=2)

    written = CompletionUsage.model_validate(encode_usage(usage), strict=True)

    assert written.total_tokens == 13
    assert usage_of(encode_usage(usage)) == (usage, "")
    assert encode_usage(Usage(input_tokens=1)) == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
