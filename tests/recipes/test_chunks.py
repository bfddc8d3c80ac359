from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from antiphon.recipes.chunks import blocks, rejoin, split
from antiphon.recipes.compaction import first_tokens, last_tokens, quarters, tokens
from antiphon.recipes.graphemes import starts

FAMILY = "👨‍👩‍👧‍👦"
FLAGS = "🇩🇪🇫🇷🇯🇵"
ACCENTED = "e\u0301"
PIECES = st.sampled_from(
    [
        "Plain words stand here. ",
        "And more of them! ",
        "中文的句子在这里。",
        "日本語の文です。",
        "한국어",
        FAMILY,
        FLAGS,
        "👍🏽",
        ACCENTED,
        "\r\n",
        "\n",
        "\n\n",
        "```python\nfor one in many:\n    print(one)\n\n```\n",
        "```",
        "~~~",
        "x" * 50,
        " ",
        "\t",
        "...?!",
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=300)
UNITS = st.sampled_from(["paragraphs", "sentences", "tokens"])


@given(text=TEXTS, unit=UNITS, most=st.integers(4, 60), overlap=st.integers(0, 40))
def test_chunks_rejoin_to_the_whole_text_and_none_is_larger_than_asked(text, unit, most, overlap):
    chunks = split(text, unit, most, overlap)

    assert rejoin(chunks) == text
    for before, chunk in pairwise(chunks):
        assert before.text.endswith(chunk.text[: chunk.overlap])
        assert len(chunk.text) > chunk.overlap
    widest = max((quarters(grapheme) for grapheme in _graphemes(text)), default=0)
    assert all(quarters(chunk.text) <= max(most * 4, widest + most * 2) for chunk in chunks)


@given(text=TEXTS, unit=UNITS, most=st.integers(4, 60), overlap=st.integers(0, 40))
def test_no_character_is_taken_apart(text, unit, most, overlap):
    place = 0
    for chunk in split(text, unit, most, overlap):
        assert starts(text, place - chunk.overlap)
        assert starts(text, place)
        place += len(chunk.text) - chunk.overlap


def _graphemes(text):
    places = [place for place in range(len(text) + 1) if starts(text, place)]
    return [text[start:end] for start, end in pairwise(places)]


def test_a_block_of_code_that_fits_is_kept_whole():
    code = "```python\nfirst = 1\n\nsecond = 2\n```\n"
    text = "A paragraph before it.\n\n" * 3 + code + "A paragraph behind it.\n\n" * 3

    for unit in ("paragraphs", "sentences", "tokens"):
        chunks = split(text, unit, most_tokens=24, overlap_tokens=6)

        assert len(chunks) > 2
        assert sum(code in chunk.text for chunk in chunks) >= 1
        assert all(chunk.text.count("```") in {0, 2} for chunk in chunks)


def test_a_block_of_code_that_fits_nowhere_is_cut_between_its_lines():
    lines = [f"value_{number} = {number}\n" for number in range(40)]
    chunks = split("```\n" + "".join(lines) + "```\n", "paragraphs", most_tokens=20)

    assert len(chunks) > 2
    assert all(chunk.text.endswith("\n") for chunk in chunks)


def test_a_fence_that_is_never_closed_is_no_block():
    assert list(blocks("before\n```\nnever closed\n")) == [("before\n```\nnever closed\n", False)]


def test_paragraphs_are_kept_whole_where_they_fit():
    text = "".join(f"Paragraph {number} says this. It says that.\n\n" for number in range(10))

    chunks = split(text, "paragraphs", most_tokens=30)

    assert all(chunk.text.startswith("Paragraph") and chunk.text.endswith("that.\n\n") for chunk in chunks)


def test_sentences_without_spaces_are_found_in_chinese():
    text = "今天天气很好。我们去公园吧。明天会下雨。" * 3

    chunks = split(text, "sentences", most_tokens=14)

    assert len(chunks) > 3
    assert all(chunk.text.endswith("。") for chunk in chunks)


def test_a_chunk_begins_with_the_sentences_that_ended_the_one_before():
    chunks = split(
        "One is here. Two is here. Three is here. Four is here. ", "sentences", most_tokens=11, overlap_tokens=4
    )

    assert chunks[1].text[: chunks[1].overlap] == "Two is here. "


def test_long_runs_of_marks_are_cut_in_linear_time():
    for text in ("." * 200_000 + "x", '."' * 100_000, "\n " * 100_000, " " * 200_000, "`" * 200_000, "```\n" * 50_000):
        assert rejoin(split(text, "paragraphs", 1000, 100)) == text


@given(text=TEXTS, most=st.integers(2, 60))
def test_the_last_and_first_tokens_are_whole_characters_and_no_more_than_asked(text, most):
    last, first = last_tokens(text, most), first_tokens(text, most)

    assert tokens(last) <= most
    assert tokens(first) <= most
    assert text.endswith(last.removeprefix("…")) or last == text
    assert text.startswith(first.removesuffix("…")) or first == text
    assert starts(text, len(text) - len(last.removeprefix("…")))
    assert starts(text, len(first.removesuffix("…")))


def test_a_text_that_fits_is_left_as_it_is():
    assert last_tokens("short", 2) == first_tokens("short", 2) == "short"
    assert tokens("short") == 2
    assert tokens("中文") == 2


def test_the_end_of_a_text_begins_at_a_word():
    assert last_tokens("alpha beta gamma delta epsilon", 5) == "…delta epsilon"


def test_families_flags_accents_and_line_ends_are_one_character():
    for grapheme in (FAMILY, "🇩🇪", ACCENTED, "👍🏽", "\r\n", "\u1112\u1161\u11ab", "🏴\U000e0067\U000e0062\U000e007f"):
        text = "a" + grapheme + "b"
        assert [place for place in range(len(text) + 1) if starts(text, place)] == [
            0,
            1,
            1 + len(grapheme),
            len(text),
        ]
    assert [place for place in range(len(FLAGS) + 1) if starts(FLAGS, place)] == [0, 2, 4, 6]
