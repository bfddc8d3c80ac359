import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from vocabularies import vocabularies

from antiphon.core.error import ConfigError, Problem
from antiphon.pricing.counter import TokenCounter
from antiphon.providers.tokenizers import (
    MOST_LETTERS,
    MOST_SPACES,
    VOCABULARIES,
    TiktokenCounter,
    Tokenizers,
    TokenizerSettings,
    check,
    load,
    load_counter,
)


class Letters:
    """Stands for tiktoken's encoding: a token a letter."""

    def encode_ordinary(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


def problem(directory: Path, encoding: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load_counter(directory, encoding, "models.m.tokenizer")
    (found,) = caught.value.problems
    return found


def test_a_vocabulary_that_is_not_known_is_named_with_those_that_are(tmp_path: Path) -> None:
    found = problem(tmp_path, "x200")

    assert found.wrong == "there is no vocabulary x200"
    assert found.remedy == "write one of cl100k_base, o200k_base"
    assert found.path == "models.m.tokenizer"


def test_a_missing_file_is_never_downloaded(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokenizers` is not installed")

    assert "nothing is downloaded" in problem(tmp_path, "o200k_base").remedy
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_the_vocabulary_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokenizers` is not installed")
    (tmp_path / "o200k_base.tiktoken").write_bytes(b"YQ== 0\n")

    assert problem(tmp_path, "o200k_base").wrong.endswith("isn't o200k_base: its SHA-256 is another")


def test_a_counter_counts_what_its_encoding_says() -> None:
    counter = TiktokenCounter("letters", Letters())

    assert (counter.encoding, counter.count("abc"), counter.count("")) == ("letters", 3, 0)


def test_every_vocabulary_has_a_digest_and_a_pattern() -> None:
    assert {len(one.sha256) for one in VOCABULARIES.values()} == {64}
    assert all(one.pattern for one in VOCABULARIES.values())


class Names:
    def encoding_name_for_model(self, model_name: str) -> str:
        return {"gpt-4o": "o200k_base", "gpt-oss-20b": "o200k_harmony", "gpt-4": "cl100k_base"}[model_name]


O200K = TiktokenCounter("o200k_base", Letters())


def tokenizers(counter: TokenCounter = O200K) -> Tokenizers:
    return Tokenizers(TokenizerSettings(), {"o200k_base": counter}, Names())


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "gpt-oss-20b"])
def test_a_model_leads_to_its_vocabulary(model: str) -> None:
    assert tokenizers().of(model) is O200K


@pytest.mark.parametrize("model", ["claude-x", "gpt-4", ""])
def test_a_model_that_is_not_known_and_one_without_its_file_lead_to_none(model: str) -> None:
    assert tokenizers().of(model) is None


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["abc", "", "d"], 4),
        ([], 0),
        (["a" * MOST_LETTERS], MOST_LETTERS),
        (["a" * MOST_LETTERS, "a"], None),
        (["a", " " * MOST_SPACES], None),
        ([" " * (MOST_SPACES - 1)], MOST_SPACES - 1),
    ],
)
async def test_texts_count_together_as_far_as_they_can_be_cut(texts: Sequence[str], tokens: int | None) -> None:
    assert await tokenizers().count(O200K, texts, within_s=60) == tokens


class Stuck(TokenCounter):
    """Counts once it is let."""

    def __init__(self) -> None:
        self.on = threading.Event()
        self.counted: list[str] = []

    @property
    def encoding(self) -> str:
        return "stuck"

    def count(self, text: str) -> int:
        self.on.wait(60)
        self.counted.append(text)
        return 1


async def test_a_count_that_takes_too_long_is_not_waited_for_and_one_behind_it_never_begins() -> None:
    stuck = Stuck()
    both = tokenizers(stuck)
    first = asyncio.create_task(both.count(stuck, ["first"], within_s=60))
    await asyncio.sleep(0)

    assert await both.count(stuck, ["second"], within_s=0) is None
    stuck.on.set()
    assert await first == 1
    assert await both.count(stuck, ["third"], within_s=60) == 1
    assert stuck.counted == ["first", "third"]


def test_no_folder_is_no_tokenizers() -> None:
    check(TokenizerSettings())
    assert load(TokenizerSettings()) is None


@pytest.mark.parametrize("reading", [check, load])
def test_a_folder_without_a_vocabulary_is_refused(tmp_path: Path, reading: object) -> None:
    assert callable(reading)
    with pytest.raises(ConfigError) as caught:
        reading(TokenizerSettings(dir=str(tmp_path)))
    (found,) = caught.value.problems
    assert found.path == "tokenizers.dir"
    assert found.wrong == f"{tmp_path} holds no vocabulary"
    assert "o200k_base.tiktoken" in found.remedy


def test_the_library_cuts_by_a_vocabulary_and_never_panics() -> None:
    tiktoken = pytest.importorskip("tiktoken", reason="the extra `tokenizers` is not installed")
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256}
    pattern = VOCABULARIES["o200k_base"].pattern
    counter = TiktokenCounter(
        "tiny", tiktoken.Encoding("tiny", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    )

    assert (counter.count("abab c"), counter.count("\ud800"), counter.count("<|endoftext|>")) == (4, 3, 13)
    assert counter.count(" " * 1_000_000) is None


@pytest.mark.parametrize(
    ("model", "encoding", "tokens"),
    [("gpt-4o", "o200k_base", 9), ("gpt-4", "cl100k_base", 10), ("openai/gpt-oss-120b", "o200k_base", 9)],
)
async def test_real_vocabularies_count_as_their_models_do(model: str, encoding: str, tokens: int) -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokenizers` is not installed")
    both = load(TokenizerSettings(dir=str(vocabularies())))
    assert both is not None
    counter = both.of(model)

    assert counter is not None
    assert counter.encoding == encoding
    assert await both.count(counter, ["Antiphon counts tokens exactly, Größe."], within_s=60) == tokens
