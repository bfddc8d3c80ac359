from datetime import date
from urllib.parse import urlsplit

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from antiphon.providers.native import NATIVE
from antiphon.providers.profile import Profile
from antiphon.providers.profiles import _HOSTED, _LOCAL, PROFILES

ROWS = (*_HOSTED[:2], *NATIVE, *_HOSTED[2:], *_LOCAL)
NAMED_IN_THE_ISSUE = (
    "openai azure anthropic gemini vertex bedrock cohere deepseek mistral groq xai together fireworks openrouter cerebras nvidia perplexity "
    "vllm sglang llamacpp ollama lmstudio lab compatible"
)


def test_the_table_holds_every_provider_once() -> None:
    assert [row.name for row in ROWS] == NAMED_IN_THE_ISSUE.split()
    assert len(PROFILES) == len(ROWS)


def test_the_table_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        PROFILES["openai"] = PROFILES["lab"]  # type: ignore[index]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_says_where_it_comes_from_and_when(row: Profile) -> None:
    assert row.source
    assert date(2026, 1, 1) <= date.fromisoformat(row.as_of) <= date(2100, 1, 1)


@pytest.mark.parametrize("row", [*_HOSTED, *NATIVE], ids=lambda row: row.name)
def test_a_hosted_provider_is_reached_by_tls_and_with_a_key(row: Profile) -> None:
    assert row.needs_key
    if row.base_url is not None:
        url = urlsplit(row.base_url)
        assert url.scheme == "https"
        assert url.hostname not in {None, "localhost"}


@pytest.mark.parametrize("row", _LOCAL, ids=lambda row: row.name)
def test_a_local_server_needs_no_key_and_listens_on_this_machine(row: Profile) -> None:
    assert not row.needs_key
    if row.base_url is not None:
        assert urlsplit(row.base_url).hostname == "localhost"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_base_url_and_path_join_into_one_url(row: Profile) -> None:
    assert row.base_url is None or not row.base_url.endswith("/")
    assert all(way.path.startswith("/") for way in row.ways)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_rejected_field_is_one_that_openai_has(row: Profile) -> None:
    fields = set(CompletionCreateParamsNonStreaming.__annotations__)
    for base in getattr(CompletionCreateParamsNonStreaming, "__orig_bases__", ()):
        fields |= set(getattr(base, "__annotations__", ()))
    assert set(row.rejects) <= fields


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_provider_that_refuses_stream_options_is_not_asked_by_them(row: Profile) -> None:
    assert ("stream_options" in row.rejects) <= (row.usage_in_stream != "stream_options")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_provider_rejects_is_no_capability_of_it(row: Profile) -> None:
    if "logprobs" in row.rejects:
        assert row.capabilities is not None
        assert "logprobs" not in row.capabilities


def test_rows_that_an_operator_must_complete_have_no_address() -> None:
    assert {row.name for row in ROWS if row.base_url is None} == {"azure", "vertex", "bedrock", "lab", "compatible"}
