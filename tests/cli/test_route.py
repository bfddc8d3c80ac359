"""`antiphon route train` and `antiphon route eval`."""

import json

import msgspec
import pytest
from made_outcomes import made
from msgspec.structs import replace

from antiphon.core.money import NANO_PER_USD

pytestmark = pytest.mark.processes


def written(path, outcomes):
    rows = []
    for one in outcomes:
        row = msgspec.to_builtins(one)
        cost = row.pop("cost_nano_usd")
        rows.append(json.dumps(row | {"cost_usd": cost / NANO_PER_USD}) + "\n")
    path.write_text("".join(rows), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return written(tmp_path_factory.mktemp("outcomes") / "outcomes.jsonl", made(200))


@pytest.fixture(scope="module")
def selector(antiphon, outcomes, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("selector") / "selector.json")
    ran = antiphon("route", "train", "--outcomes", outcomes, "--out", path, "--method", "ridge", "--json")
    assert ran.code == 0, ran.err
    return path, json.loads(ran.out)


def test_training_writes_a_selector_and_tells_what_it_found(selector):
    path, told = selector
    assert told["out"] == path
    assert told["models"] == ["cheap", "poet", "coder"]
    assert told["report"]["prompts"] == 200
    assert told["report"]["gain"] > 0


def test_a_selector_is_judged_on_other_outcomes(antiphon, selector, tmp_path):
    fresh = written(tmp_path / "fresh.jsonl", made(200, seed=1))
    ran = antiphon("route", "eval", "--selector", selector[0], "--outcomes", fresh)
    assert ran.code == 0, ran.err
    assert "calibration error" in ran.out
    assert "x its cost" in ran.out
    document = json.loads(antiphon("route", "eval", "--selector", selector[0], "--outcomes", fresh, "--json").out)
    assert document["judged"]["prompts"] == 200
    assert document["off_policy"] is None


def test_logged_choices_are_valued(antiphon, selector, tmp_path):
    every = made(300, seed=2)
    chosen = [replace(every[3 * at + at % 3], propensity=1 / 3) for at in range(300)]
    fresh = written(tmp_path / "logged.jsonl", chosen)
    ran = antiphon("route", "eval", "--selector", selector[0], "--outcomes", fresh, "--json")
    valued = json.loads(ran.out)["off_policy"]
    assert valued["chosen"]["doubly_robust"]["mean"] > valued["logged"]["ips"]["mean"]
    assert "by selector: IPS" in antiphon("route", "eval", "--selector", selector[0], "--outcomes", fresh).out


def test_a_mistake_in_the_table_is_told_with_its_line(antiphon, tmp_path):
    (tmp_path / "odd.jsonl").write_text('{"prompt_id": "1", "prompt": "?", "model": "a", "score": 7}\n', "utf-8")
    ran = antiphon("route", "train", "--outcomes", str(tmp_path / "odd.jsonl"), "--out", str(tmp_path / "s.json"))
    assert ran.code == 3
    assert "odd.jsonl:1: score: 7 is no number from 0 to 1" in ran.err
    assert not (tmp_path / "s.json").exists()


def test_too_few_prompts_and_an_unknown_embedder_are_refused(antiphon, outcomes, tmp_path):
    few, out = written(tmp_path / "few.jsonl", made(10)), str(tmp_path / "s.json")
    assert "at least 50 are needed" in antiphon("route", "train", "--outcomes", few, "--out", out).err
    ran = antiphon("route", "train", "--outcomes", outcomes, "--out", out, "--embedder", "none-such")
    assert ran.code == 3
    assert "'none-such' is not under `embedders`" in ran.err


def test_a_file_that_is_not_there_is_named(antiphon, outcomes, tmp_path):
    ran = antiphon("route", "eval", "--selector", str(tmp_path / "none.json"), "--outcomes", outcomes)
    assert ran.code == 3
    assert "none.json" in ran.err
