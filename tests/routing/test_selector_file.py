"""A selector's file comes back as it was written, and what is not whole is refused with the remedy."""

import gzip
import json
import subprocess
import sys

import pytest
from made_outcomes import TRUTH, prompt, table, vector
from msgspec.structs import replace

from antiphon.core.error import ConfigError
from antiphon.evaluation.train import embedded, train
from antiphon.routing.selector import Selector
from antiphon.routing.selector_features import SHAPE, Features
from antiphon.routing.selector_file import read, sealed, write


@pytest.fixture(scope="module")
def file():
    import random

    chance, outcomes = random.Random(0), table(120)
    vectors = embedded("made", [vector(kind, chance) for kind in outcomes.tasks])
    return train(outcomes, "blend", vectors).file


@pytest.fixture
def path(tmp_path, file):
    write(file, tmp_path / "selector.json")
    return tmp_path / "selector.json"


def test_it_comes_back_as_it_was_written(path, file):
    assert read(path, "selectors.s.file") == file
    assert Selector.load(path).predict("add two numbers") == Selector(file).predict("add two numbers")


def refused(path, said):
    with pytest.raises(ConfigError) as caught:
        read(path, "selectors.s.file")
    (problem,) = caught.value.problems
    assert said in problem.wrong
    assert problem.path == "selectors.s.file"
    assert problem.file == str(path)
    assert problem.remedy
    return problem


def test_a_file_that_is_not_there_is_refused(tmp_path):
    refused(tmp_path / "none.json", "can't be read")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff\x00", b'{"format": 1}', gzip.compress(b"{}")])
def test_what_is_no_selector_is_refused(tmp_path, body):
    (tmp_path / "odd.json").write_bytes(body)
    refused(tmp_path / "odd.json", "is no selector")


def test_another_format_is_refused_by_its_name(path):
    document = json.loads(path.read_text("utf-8")) | {"format": "antiphon-selector/9"}
    path.write_text(json.dumps(document), "utf-8")
    assert "route train" in refused(path, "antiphon-selector/9").remedy


def test_a_change_by_hand_is_noticed(path):
    document = json.loads(path.read_text("utf-8")) | {"margin": 0.9}
    path.write_text(json.dumps(document), "utf-8")
    refused(path, "its hash is another")


def test_a_part_that_is_missing_is_refused(path):
    document = json.loads(path.read_text("utf-8"))
    del document["priors"]
    path.write_text(json.dumps(document), "utf-8")
    refused(path, "is no whole selector")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda file: {"features": 99}, "features of version 99"),
        (lambda file: {"best_single": "nobody"}, "models"),
        (lambda file: {"idf": b"1234"}, "priors or idf"),
        (lambda file: {"priors": []}, "priors or idf"),
        (lambda file: {"plain": replace(file.plain, calibration=[])}, "plain"),
        (lambda file: {"plain": replace(file.plain, lines=[])}, "plain"),
        (lambda file: {"dimensions": 3}, "embedded"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(tmp_path, file, changed, said):
    path = tmp_path / "odd.json"
    path.write_bytes(b"")
    write(sealed(replace(file, **changed(file))), path)
    refused(path, said)


def test_without_numpy_words_and_lines_work_and_neighbours_name_the_extra(tmp_path):
    import random

    chance, outcomes = random.Random(0), table(120)
    vectors = embedded("made", [vector(kind, chance) for kind in outcomes.tasks])
    write(train(outcomes, "ridge", vectors).file, tmp_path / "ridge.json")
    write(train(outcomes, "knn", vectors).file, tmp_path / "knn.json")
    code = """
import sys
sys.modules["numpy"] = None
from array import array
from pathlib import Path
from antiphon.routing.selector import Selector
from antiphon.core.error import ConfigError
ridge = Selector.load(Path("ridge.json"))
assert 0 < ridge.predict("def f(): return 1")["coder"].mean < 1
assert 0 < ridge.predict("def f(): return 1", array("f", [0.25] * 16))["coder"].mean < 1
try:
    Selector.load(Path("knn.json"), "selectors.s.file")
except ConfigError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "selectors.s.file" in done.stdout
    assert "antiphon[embedder]" in done.stdout


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "?", "日本語の文章です", "\ud800", "x" * 100_000, "\u0130" * 10, "1 2 3", "A. one\nB. two\nC. 3"],
)
def test_any_text_has_its_features_and_its_chances(file, text):
    seen = Features().see(text)
    assert len(seen.shape) == len(SHAPE)
    assert len(set(seen.places)) == len(seen.places)
    told = Selector(file).predict(text)
    assert set(told) == set(file.models)
    assert all(0 < one.mean < 1 and one.low <= one.mean <= one.high for one in told.values())


def test_what_a_text_is_told_does_not_depend_on_what_was_asked_before(file):
    import random

    chance, used = random.Random(3), Selector(file)
    texts = [prompt(kind, chance) for kind in TRUTH for _ in range(20)]
    first = [used.predict(text) for text in texts]
    assert [Selector(file).predict(text) for text in reversed(texts)] == first[::-1]


def test_options_and_numbers_are_seen():
    names = dict(zip(SHAPE, Features().see("Which?\nA. 10\nB. 200\nC. many words here").shape, strict=True))
    assert names["options"] == 3
    assert names["options with digits"] == pytest.approx(2 / 3)
    assert names["longest number"] == 3
