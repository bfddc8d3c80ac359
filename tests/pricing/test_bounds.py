import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.content import Audio, Content, File, Image, Message, Text
from antiphon.pricing.bounds import TEMPLATE_TOKENS, TOOLS_TOKENS, input_bound
from antiphon.pricing.media import UNKNOWN, Family, Media, family, media_of

CLAUDE = family("anthropic", "claude-sonnet-5-5")


@given(st.text())
def test_a_body_is_at_least_as_long_as_its_text_however_it_is_escaped(text: str) -> None:
    most = len(text.encode("utf-8", "replace"))

    for ascii_only in (True, False):
        body = json.dumps({"content": text}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        bound = input_bound(len(body))
        assert bound is not None
        assert bound >= most


def test_text_needs_no_parsing_and_tools_add_what_their_provider_writes_about_them() -> None:
    assert input_bound(1000) == 1000 + TEMPLATE_TOKENS
    assert input_bound(1000, tools=True) == 1000 + TOOLS_TOKENS


def test_an_image_counts_as_what_it_becomes_and_not_as_its_base64() -> None:
    image = Media(kind="image", inline_bytes=900_000)

    assert input_bound(901_000, [image], family=CLAUDE) == 1000 + TEMPLATE_TOKENS + 4968


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="file", inline_bytes=1000),
        Media(kind="image"),
        Media(kind="audio", inline_bytes=1000, format="opus"),
        Media(kind="audio", format="mp3"),
    ],
)
def test_what_nothing_bounds_fills_the_window_or_has_no_bound(media: Media) -> None:
    assert input_bound(5000, [media]) is None
    assert input_bound(5000, [media], window_tokens=200_000) == 200_000


def test_input_that_the_provider_keeps_fills_the_window_too() -> None:
    assert input_bound(100, elsewhere=True) is None
    assert input_bound(100, elsewhere=True, window_tokens=1000) == 1000


def test_sound_in_a_format_of_known_density_counts_as_its_bytes() -> None:
    assert input_bound(5000, [Media(kind="audio", inline_bytes=4000, format="mp3")]) == 5000 + TEMPLATE_TOKENS


@pytest.mark.parametrize(
    ("provider", "model", "detail", "most"),
    [
        # Of the examples on OpenAI's page: 85 for low detail, 1,105 for six tiles.
        ("openai", "gpt-4o-2024-08-06", "low", 85),
        ("openai", "gpt-4o", "high", 1445),
        ("azure", "gpt-4o", "", 1445),
        ("openai", "gpt-4o-mini", "auto", 48_169),
        ("openai", "gpt-4.1-mini", "low", 2489),
        ("openai", "gpt-5-nano", "", 3779),
        ("openai", "o4-mini-2025-04-16", "", 2642),
        ("openai", "o3", "", 1275),
        ("openai", "o3-mini", "", None),
        ("openai", "gpt-5", "low", 70),
        ("openai", "gpt-5.6-sol", "high", None),
        ("openai", "gpt-6-astra", "", None),
        ("anthropic", "claude-haiku-4-5", "", 4968),
        ("bedrock", "us.anthropic.claude-opus-4-8", "", 4968),
        ("vertex", "claude-sonnet-5-5", "", 4968),
        ("gemini", "gemini-3.8-flash", "", 2240),
        ("vertex", "gemini-4-argon", "", 2240),
        ("gemini", "gemini-2.5-pro", "", None),
        ("mistral", "mistral-medium", "", None),
        ("compatible", "gpt-4o", "", None),
    ],
)
def test_an_image_has_the_most_that_its_family_states(provider: str, model: str, detail: str, most: int | None) -> None:
    assert family(provider, model).most(Media(kind="image", detail=detail)) == most


def test_every_stated_most_names_its_source() -> None:
    models = ("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "o3", "o4-mini", "gpt-5", "claude-x", "gemini-3-flash")
    found = [family(provider, model) for provider in ("openai", "anthropic", "gemini") for model in models]

    assert all(one.source.startswith("https://") for one in found if one != UNKNOWN)
    assert len({one for one in found if one != UNKNOWN}) >= 7


def test_a_family_without_a_low_detail_takes_it_as_any_other() -> None:
    assert Family(image=9).most(Media(kind="image", detail="low")) == 9


def test_media_are_found_in_every_message_and_plain_text_is_none() -> None:
    picture = "data:image/png;base64,AAAA"
    content = Content(
        dialect="openai_chat",
        messages=(
            Message(
                role="user", parts=(Text(text="look"), Image(url=picture, detail="low"), Image(url="https://x/y.png"))
            ),
            Message(
                role="user", parts=(Audio(data="AAAAAAAA", format="mp3"), File(data="data:application/pdf;base64,AA"))
            ),
            Message(role="tool", tool_call_id="1", parts=(File(id="file-1"), File(text="plain"))),
            Message(
                role="user", parts=(File(data="AAAA", media_type="text/plain"), File(data="data:text/csv;base64,AA"))
            ),
        ),
    )

    assert media_of(content) == (
        Media(kind="image", inline_bytes=len(picture), detail="low"),
        Media(kind="image"),
        Media(kind="audio", inline_bytes=8, format="mp3"),
        Media(kind="file", inline_bytes=30),
        Media(kind="file"),
    )
