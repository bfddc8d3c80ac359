"""Lab models that answer from recorded outcomes."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openai import AsyncOpenAI, InternalServerError, NotFoundError

from antiphon.core.error import ConfigError
from antiphon.providers.lab.parquet import load_parquet
from antiphon.providers.lab.replay import Outcome, load_lines, prompt_hash
from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import LabModel, LabSettings

ROWS = [
    {
        "id": "q/1",
        "dataset": "d",
        "category": "math",
        "prompt": "What is  two\nand two?",
        "gold": "4",
        "models": {"small": [0.0, 11, 7, 0.1, "5"], "large": [1.0, 11, 9, None, "4"]},
    },
    {"id": "q/2", "prompt": "Name a colour", "gold": "red", "models": {"small": [0.0, 3, 5, 0.1, None]}},
    {"id": "q/3", "prompt": "Name a  colour", "gold": "red", "models": {"small": [1.0, 3, 5, 0.1, "late"]}},
]


def write_lines(path: Path) -> Path:
    lines = "\n".join(json.dumps(row) for row in ROWS) + "\n"
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


def write_parquet(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


async def replayed(folder: Path, prompt: str, model: LabModel, **more: object) -> object:
    """Usage and text of one answer."""
    async with (
        running(LabSettings(models={"lab": model}), base=folder) as lab,
        AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="any", max_retries=0) as client,
    ):
        response = await client.chat.completions.with_raw_response.create(
            model="lab",
            messages=[{"role": "system", "content": "Be brief"}, {"role": "user", "content": prompt}],
            extra_body=more,
        )
    answer = response.parse()
    assert answer.usage is not None
    assert response.headers["x-antiphon-lab"] == "replayed"
    choice = answer.choices[0]
    return choice.message.content, choice.finish_reason, answer.usage.prompt_tokens, answer.usage.completion_tokens


@pytest.mark.parametrize("name", ["outcomes.jsonl", "outcomes.jsonl.gz"])
async def test_a_recorded_prompt_gets_its_recorded_answer_and_tokens(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path / name)
    model = LabModel(replay=name, replay_model="large", tokens_per_s=1e6)
    assert await replayed(tmp_path, " What is two and two? ", model) == ("4", "stop", 11, 9)


async def test_an_outcome_without_a_text_is_an_answer_without_one(tmp_path: Path) -> None:
    write_lines(tmp_path / "o.jsonl")
    model = LabModel(replay="o.jsonl", replay_model="small", tokens_per_s=1e6)
    assert await replayed(tmp_path, "Name a colour", model) == ("", "stop", 3, 5)


async def test_a_prompt_that_was_not_recorded_is_not_found(tmp_path: Path) -> None:
    write_lines(tmp_path / "o.jsonl")
    model = LabModel(replay="o.jsonl", replay_model="large", tokens_per_s=1e6)
    with pytest.raises(NotFoundError, match="makes nothing up") as refused:
        await replayed(tmp_path, "What is two and three?", model)
    assert (refused.value.code, refused.value.param) == ("prompt_not_recorded", "messages")


async def test_a_longer_recorded_answer_is_cut_in_proportion(tmp_path: Path) -> None:
    write_parquet(tmp_path / "o.parquet", prompt=["p"], model=["lab"], answer=["0123456789"], output_tokens=[20])
    model = LabModel(replay="o.parquet", tokens_per_s=1e6)
    assert await replayed(tmp_path, "p", model, max_tokens=10) == ("01234", "length", 1 + 2, 10)


async def test_a_model_that_the_file_lacks_is_a_clear_error(tmp_path: Path) -> None:
    write_lines(tmp_path / "o.jsonl")
    with pytest.raises(InternalServerError, match=r"no outcome of the model 'lab' .* such as small, large"):
        await replayed(tmp_path, "Name a colour", LabModel(replay="o.jsonl"))


async def test_all_missing_or_unknown_files_are_named_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("a")
    models = {"a": LabModel(replay="none.jsonl"), "b": LabModel(replay="o.csv"), "c": LabModel()}
    with pytest.raises(ConfigError) as refused:
        async with running(LabSettings(models=models), base=tmp_path):
            pass
    assert len(refused.value.problems) == 2
    assert "none.jsonl" in refused.value.message
    assert "there is no such file" in refused.value.message
    assert "o.csv" in refused.value.message


def test_lines_are_kept_for_one_model_and_the_first_of_a_prompt_counts(tmp_path: Path) -> None:
    table = load_lines(write_lines(tmp_path / "o.jsonl"), "small")
    assert table == {
        prompt_hash("What is two and two?"): Outcome("5", 11, 7),
        prompt_hash("Name a colour"): Outcome("", 3, 5),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"prompt": "x"}\n{"prompt": 1}\n', ":2: replay: the line is not a recorded prompt"),
        (b'{"prompt": "x", "models": {"m": [1, "a"]}}\n', "an outcome is not"),
        (b"\x1f\x8b\x08broken", "is not a recorded prompt"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "o.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        load_lines(path, "m")


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "o.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ConfigError, match="the file can't be read"):
        load_lines(path, "small")


def test_parquet_with_prompts_is_read_by_itself(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "o.parquet",
        prompt=["p", "q", "p"],
        model=["m", "m", "other"],
        output=["P", None, "O"],
        input_tokens=[1, 2, 3],
        output_tokens=[4, None, 6],
        extra=[0, 0, 0],
    )
    assert load_parquet(path, "m") == {prompt_hash("p"): Outcome("P", 1, 4), prompt_hash("q"): Outcome("", 2, None)}


def test_parquet_with_ids_takes_prompts_and_tokens_from_the_lines_beside_it(tmp_path: Path) -> None:
    write_lines(tmp_path / "d.jsonl.gz")
    path = write_parquet(
        tmp_path / "d_outputs.parquet",
        prompt_id=["q/1", "q/1", "q/2", "q/9"],
        model=["small", "large", "large", "large"],
        output=["It is 5", "It is 4", "Red", "lost"],
    )
    assert load_parquet(path, "large") == {
        prompt_hash("What is two and two?"): Outcome("It is 4", 11, 9),
        prompt_hash("Name a colour"): Outcome("Red"),
    }


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"prompt": ["p"], "model": ["m"]}, "the columns prompt, model lack"),
        ({"prompt_id": ["p"], "model": ["m"], "output": ["o"]}, "no d.jsonl.gz beside it"),
        ({"prompt": ["p"], "model": ["m"], "output": [1]}, "not Parquet of outcomes"),
        ({"prompt": ["p"], "model": ["x"], "output": ["o"]}, "no outcome of the model 'm' .* such as x"),
    ],
)
def test_parquet_that_lacks_something_says_what(tmp_path: Path, columns: dict[str, list[object]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_parquet(write_parquet(tmp_path / "d.parquet", **columns), "m")


def test_a_file_that_is_not_parquet_says_so(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    path.write_bytes(b"PAR?")
    with pytest.raises(ConfigError, match="not Parquet of outcomes"):
        load_parquet(path, "m")


def test_without_pyarrow_the_error_names_the_extra() -> None:
    script = """
import sys
sys.modules["pyarrow"] = None
from antiphon.core.error import ConfigError
from antiphon.providers.lab.parquet import require
try:
    require()
except ConfigError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "pip install 'antiphon[parquet]'" in said
