from pathlib import Path

import pytest

from antiphon.core.error import ConfigError, Problem
from antiphon.providers.tokenizers import VOCABULARIES, TiktokenCounter, load_counter


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
