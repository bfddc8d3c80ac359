"""Lists of words and patterns that an operator looks for."""

from typing import Any

import msgspec
import pytest
from asking import chat, extractor, facts_of
from hypothesis import given
from hypothesis import strategies as st

from antiphon.signals.extractor import Extractor
from antiphon.signals.fuzzy import distance
from antiphon.signals.patterns import BadPattern
from antiphon.signals.settings import SignalSettings


def list_of(*words: str, **more: Any) -> Extractor:
    return extractor(keywords={"k": {"any": list(words), **more}})


def found(text: str, looked_for: Extractor) -> tuple[Any, Any, Any]:
    facts = facts_of(text, extractor=looked_for)
    return facts.value("keyword.k"), facts.value("keyword.k.count"), facts.value("keyword.k.score")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("we need it ASAP!", True),
        ("asap", True),
        ("(asap)", True),
        ("asaparagus", False),
        ("as_asap", False),
        ("ＡＳＡＰ please", True),
        ("", False),
        ("快点asap好吗", True),
        ("naïve asap", True),
        ("éasap", False),
    ],
)
def test_a_word_is_found_whole(text: str, holds: bool) -> None:
    assert found(text, list_of("asap"))[0] is holds


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("退款", "我要退款谢谢"),
        ("返金", "すぐに返金してください"),
        ("환불", "환불해 주세요"),
        ("คืนเงิน", "ขอคืนเงินด้วย"),
        ("возврат", "Где мой ВОЗВРАТ?"),
    ],
)
def test_words_of_any_script_are_found(word: str, text: str) -> None:
    assert found(text, list_of(word))[0] is True


def test_phrases_and_signs_are_words_too() -> None:
    looked_for = list_of("wire transfer", "c++", "🔥")
    assert found("a Wire Transfer in C++ 🔥", looked_for) == (True, 3, 1.0)


def test_the_count_is_of_places_and_the_score_of_different_ones() -> None:
    assert found("asap, asap and asap; an outage", list_of("asap", "outage", "breach", "leak")) == (True, 4, 0.5)


def test_parts_are_found_within_words() -> None:
    assert found("Rindfleischetikettierung", list_of("fleisch", match="part"))[0] is True


def test_parts_that_overlap_are_all_found() -> None:
    assert found("abcd", list_of("abc", "bcd", "bc", match="part")) == (True, 3, 1.0)


def test_case_matters_where_it_is_said_to() -> None:
    assert found("us and them", list_of("US", case=True))[0] is False
    assert found("the US and them", list_of("US", case=True))[0] is True
    assert found("A B", list_of("a", match="regex", case=True))[0] is False
    assert found("A B", list_of("a", match="regex"))[0] is True


def test_several_different_ones_may_be_needed() -> None:
    looked_for = list_of("asap", "outage", at_least=2)
    assert found("asap asap asap", looked_for)[0] is False
    assert found("an outage, asap", looked_for)[0] is True


def test_patterns_are_found() -> None:
    assert found("see INV-22 and inv-3, ref 9", list_of(r"inv-\d+", r"ref \d", "none", match="regex")) == (
        True,
        3,
        pytest.approx(2 / 3),
    )


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    assert found("a" * 5000 + "!", list_of("(a+)+$", match="regex"))[0] is False


@pytest.mark.parametrize("pattern", ["(", "a{2000}", r"(?<=a)b", r"\1"])
def test_what_is_no_pattern_is_refused_with_its_name(pattern: str) -> None:
    with pytest.raises(BadPattern, match=r"^k: "):
        list_of(pattern, match="regex")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("our kubernetes cluster", True),
        ("our kubernets cluster", True),
        ("our kuberentes cluster", True),
        ("our Kubernettes cluster", True),
        ("our kurbenets cluster", False),
        ("a refnud please", True),
        ("a refunnd please", True),
        ("a fund please", False),
        ("tha cat", False),
    ],
)
def test_misspelt_words_are_found(text: str, holds: bool) -> None:
    assert found(text, list_of("Kubernetes", "refund", "the", match="fuzzy"))[0] is holds


def test_misspelt_phrases_are_found_word_by_word() -> None:
    assert found("my account is loked again", list_of("account is locked", match="fuzzy")) == (True, 1, 1.0)


words = st.text(alphabet="abcd", max_size=6)


@given(words, words)
def test_the_distance_of_words_is_that_of_its_definition(one: str, other: str) -> None:
    """Optimal string alignment, by its recursion."""

    def far(left: int, right: int) -> int:
        if not left or not right:
            return left + right
        same = one[left - 1] == other[right - 1]
        least = min(far(left - 1, right) + 1, far(left, right - 1) + 1, far(left - 1, right - 1) + (not same))
        if left > 1 and right > 1 and one[left - 1] == other[right - 2] and one[left - 2] == other[right - 1]:
            least = min(least, far(left - 2, right - 2) + 1)
        return least

    assert distance(one, other) == far(len(one), len(other))


def test_texts_that_share_rare_words_are_alike() -> None:
    texts = ["my parcel never arrived", "how do I reset my password", "I want to cancel my subscription"]
    looked_for = list_of(*texts, match="bm25")
    assert found(texts[1], looked_for) == (True, 1, 1.0)
    holds, _, score = found("the parcel has not arrived yet", looked_for)
    assert holds is True
    assert 0.3 <= score < 1
    assert found("what a nice day", looked_for) == (False, 0, 0.0)


def test_the_threshold_says_how_alike() -> None:
    assert found("the parcel", list_of("my parcel never arrived", "reset", match="bm25", threshold=0.9))[0] is False
    assert found("the parcel", list_of("my parcel never arrived", "reset", match="bm25", threshold=0.1))[0] is True


@pytest.mark.parametrize(("where", "many"), [("ask", 1), ("user", 2), ("all", 5)])
@pytest.mark.parametrize("match", ["word", "part", "regex", "fuzzy"])
def test_where_is_looked_is_said(where: str, many: int, match: str) -> None:
    body = chat(("system", "outage"), "outage", ("assistant", "outage"), ("tool", "outage"), "outage!")
    facts = facts_of(body, extractor=list_of("outage", where=where, match=match))
    assert facts.value("keyword.k.count") == many


def test_a_word_amid_a_long_text_is_found() -> None:
    assert found("word " * 20_000 + "outage" + " word" * 20_000, list_of("outage"))[0] is True


def test_lists_do_not_take_each_other_s_words() -> None:
    both = extractor(keywords={"a": {"any": ["x", "y"]}, "b": {"any": ["y", "z"]}})
    facts = facts_of("only z", extractor=both)
    assert (facts.value("keyword.a"), facts.value("keyword.b")) == (False, True)


def test_more_are_needed_than_there_are_to_find() -> None:
    settings = msgspec.convert({"keywords": {"k": {"any": ["a", "a"], "at_least": 2}}}, SignalSettings)
    assert settings.check() == [("keywords.k.at_least", "is 2, of 1 to find", "write at most 1")]
