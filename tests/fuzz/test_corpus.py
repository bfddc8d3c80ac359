"""What was found by fuzzing stays mended, and what reaches far goes on being read: every input is tried again."""

import pytest
from harness import packed
from harness.table import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_that_was_found_passes(target: str) -> None:
    inputs = packed.load(target)

    assert inputs, f"tests/fuzz/corpus/{target}.txt holds nothing"
    for one in inputs:
        TARGETS[target](one)


def test_every_corpus_has_its_target() -> None:
    assert {file.stem for file in packed.CORPUS.glob("*.txt")} == set(TARGETS)
