"""Tables of outcomes are read in every form, and each mistake is told with file, line, column and remedy."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from antiphon.core.error import ConfigError
from antiphon.evaluation.outcomes import Outcome, read
from antiphon.evaluation.scored import ScoredReceipt, outcomes

ROWS = [
    {"prompt_id": "1", "prompt": "Add, please", "model": "a", "score": 1, "cost_usd": 0.0000001, "output_tokens": 3},
    {"prompt_id": "1", "prompt": "Add, please", "model": "b", "score": 0.5, "task": "sum", "propensity": 0.1},
]
EXPECTED = [
    Outcome(prompt_id="1", prompt="Add, please", model="a", score=1.0, cost_nano_usd=100, output_tokens=3),
    Outcome(prompt_id="1", prompt="Add, please", model="b", score=0.5, task="sum", propensity=0.1),
]


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_json_lines(tmp_path):
    assert read(lines(tmp_path / "o.jsonl", ROWS)) == EXPECTED


def test_json_lines_in_gzip_with_all_models_in_one_line(tmp_path):
    row = {"id": "1", "prompt": "Add, please", "category": "sum", "models": {"a": [1, 7, 3, 1e-7, "2"], "b": [None]}}
    (tmp_path / "o.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    (found,) = read(tmp_path / "o.jsonl.gz")
    assert (found.task, found.answer, found.input_tokens, found.cost_nano_usd) == ("sum", "2", 7, 100)


def test_csv_with_quoted_commas_and_a_byte_order_mark(tmp_path):
    head = "prompt_id,prompt,model,score,cost_usd,output_tokens,task,propensity\n"
    body = '1,"Add, please",a,1,0.0000001,3,,\n1,,b,0.5,,,sum,0.1\n'
    (tmp_path / "o.csv").write_text("\ufeff" + head + body, "utf-8")
    assert read(tmp_path / "o.csv") == EXPECTED


def test_parquet(tmp_path):
    names = ("prompt_id", "prompt", "model", "score", "cost_usd", "output_tokens", "task", "propensity")
    pq.write_table(pa.table({name: [row.get(name) for row in ROWS] for name in names}), tmp_path / "o.parquet")
    assert read(tmp_path / "o.parquet") == EXPECTED


@pytest.mark.parametrize(
    ("changed", "column", "said"),
    [
        ({"score": 1.5}, "score", "no number from 0 to 1"),
        ({"score": "good"}, "score", "no number from 0 to 1"),
        ({"cost_usd": -1}, "cost_usd", "no amount of US dollars"),
        ({"cost_usd": "free"}, "cost_usd", "no amount of US dollars"),
        ({"output_tokens": -3}, "output_tokens", "no number"),
        ({"propensity": 0}, "propensity", "no number from 1e-06 to 1"),
        ({"model": ""}, "model", "no model"),
        ({"prompt_id": None}, "prompt_id", "no prompt_id"),
        ({"prompt_id": "2", "prompt": None}, "prompt", "has no text"),
        ({"prompt": "other"}, "prompt", "had another text before"),
        ({"model": "a"}, "model", "has an outcome for prompt '1' already"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(tmp_path, changed, column, said):
    path = lines(tmp_path / "o.jsonl", [ROWS[0], ROWS[1] | changed])
    with pytest.raises(ConfigError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == (str(path), 2, column)
    assert said in problem.wrong
    assert problem.remedy


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("o.jsonl", b"{\n", "is no JSON object"),
        ("o.jsonl", b"", "has no outcome"),
        ("o.jsonl", b'{"id": "1", "prompt": "?", "models": {"a": 1}}\n', "is no list"),
        ("o.jsonl.gz", b"no gzip", "is no whole gzip file"),
        ("o.csv", b"prompt_id,prompt\n1,2,3\n", "more cells than the head"),
        ("o.csv", b"prompt_id,prompt\n1,\xff\n", "is not UTF-8"),
        ("o.parquet", b"no parquet", "is no Parquet"),
        ("o.xlsx", b"", "is of a kind that isn't read"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused(tmp_path, name, body, said):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name)
    assert said in str(caught.value)


def test_scored_receipts_are_outcomes_and_those_without_a_prompt_are_left_out():
    one = ScoredReceipt(receipt="r1", deployment="a", prompt="?", score=1.2, cost_nano_usd=5, propensity=0.9)
    two = ScoredReceipt(receipt="r2", deployment="a", prompt="", score=1)
    (found,) = outcomes(iter([one, two]))
    assert (found.prompt_id, found.model, found.score, found.propensity) == ("r1", "a", 1.0, 0.9)
