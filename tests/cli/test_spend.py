"""`antiphon spend` and `antiphon export`, beside real data and a real gateway."""

import csv
import io
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from spent import DAY_NS, some, store

from antiphon.cli.exits import Exit
from rig.wait import until

pytestmark = pytest.mark.processes
SETTLES_NS = 2 * 3600 * 10**9
"""A day is due a while after its end; around midnight these tests count the days that are."""


@pytest.fixture(scope="module")
def today_ns():
    """When the day began that is not due: told when the tests begin, as they may be collected a day before."""
    return (time.time_ns() - SETTLES_NS) // DAY_NS * DAY_NS


@pytest.fixture(scope="module")
def config(tmp_path_factory, today_ns):
    directory = tmp_path_factory.mktemp("spend")
    (directory / "data").mkdir()
    store(directory / "data", some(400, days=4, start_ns=today_ns - 4 * DAY_NS))
    file = directory / "antiphon.yaml"
    file.write_text("storage: {dir: data, export: {to: exported}}\n")
    return file


def test_a_table_has_a_line_for_each_group_and_the_total(antiphon, config):
    ran = antiphon("spend", "--config", config, "--by", "provider", "--since", "7d")

    assert ran.code == Exit.OK
    lines = ran.out.splitlines()
    assert lines[1].split()[:4] == ["provider", "requests", "ok", "failed"]
    assert {line.split()[0] for line in lines[2:6]} == {"openai", "anthropic", "own", "total"}
    assert lines[6:] == ["Requests that no upstream answered are in the total alone."]
    assert next(line for line in lines if line.startswith("own")).split()[7] == "-"


def test_json_and_csv_say_the_same(antiphon, config):
    said = json.loads(antiphon("spend", "--config", config, "--by", "team,model", "--format", "json").out)
    rows = list(
        csv.DictReader(io.StringIO(antiphon("spend", "--config", config, "--by", "team,model", "--format", "csv").out))
    )

    assert [(row["team"], row["model"], int(row["requests"])) for row in rows] == [
        (line["team"], line["model"], line["requests"]) for line in said["lines"]
    ]
    assert rows[0]["cost_usd"].replace(".", "").lstrip("0") == str(said["lines"][0]["cost_nano_usd"])


def test_exported_days_and_the_live_ones_give_the_same_report(antiphon, config):
    before = antiphon("spend", "--config", config, "--by", "team,day", "--since", "7d", "--format", "json")
    exported = antiphon("export", "--config", config)
    after = antiphon("spend", "--config", config, "--by", "team,day", "--since", "7d", "--format", "json")

    assert exported.code == Exit.OK
    assert len([line for line in exported.out.splitlines() if "/receipts/" in line]) == 4
    assert "had not ended" in exported.err
    assert json.loads(after.out)["lines"] == json.loads(before.out)["lines"]
    assert antiphon("export", "--config", config).err == "nothing is due: every day that is over is there\n"
    place = config.parent / "exported"
    files = antiphon("spend", "--from", place, "--by", "team,day", "--since", "7d", "--format", "json")
    assert json.loads(files.out)["lines"] == json.loads(before.out)["lines"]


def test_focus_is_written_where_it_is_wanted(antiphon, config, today_ns, tmp_path):
    yesterday = (datetime.fromtimestamp(today_ns / 1e9, UTC) - timedelta(days=1)).date()
    ran = antiphon(
        "export", "--config", config, "--day", yesterday, "--focus", "--format", "csv", "--to", tmp_path, "--json"
    )

    (day,) = json.loads(ran.out)["days"]
    assert day["files"][0]["rows"] > 0
    assert (tmp_path / "focus" / f"day={yesterday}" / "gateway.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--day", "yesterday"),
        ("export", "--focus"),
        ("export", "--day", "2026-11-01", "--format", "csv"),
        ("spend", "--format", "xml"),
        ("spend", "--from", "there", "--url", "http://127.0.0.1:1"),
        ("spend", "--lines", "0"),
    ],
)
def test_wrong_arguments_are_told(antiphon, config, arguments):
    ran = antiphon(*arguments, "--config", config)

    assert (ran.code, ran.out) == (Exit.USAGE, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("spend", "--by", "teem"), "known: tenant, team"),
        (("spend", "--since", "yesterday"), "is no time"),
        (("export", "--day", "TODAY"), "is not over"),
    ],
)
def test_what_can_t_be_done_is_told(antiphon, config, arguments, said):
    arguments = [str(datetime.now(UTC).date()) if one == "TODAY" else one for one in arguments]
    ran = antiphon(*arguments, "--config", config)

    assert ran.code == Exit.FAILED
    assert said in ran.err


def test_without_a_place_an_export_asks_for_one(antiphon, tmp_path):
    config = tmp_path / "antiphon.yaml"
    config.write_text("storage: {dir: data}\n")

    ran = antiphon("export", "--config", config)

    assert ran.code == Exit.USAGE
    assert "storage.export" in ran.err


def test_a_gateway_is_asked_with_a_key(antiphon, gateway):
    antiphon("chat", "hello", "--model", "quick", asking=gateway)

    def told():
        ran = antiphon("spend", "--by", "key,provider", "--url", gateway.url, "--format", "json", asking=gateway)
        return [one for one in json.loads(ran.out)["lines"] if one["provider"] == "lab" and one["key"] == "admin"]

    (line,) = until(told, "what was asked is in the report")
    assert line["requests"] >= 1
    assert line["cost_nano_usd"] > 0


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("duckdb", ["spend", "--from", "exported", "--since", "7d"]),
        ("pyarrow", ["export", "--force", "--day", "2026-11-20"]),
    ],
)
def test_without_its_extra_a_command_says_what_to_install(config, missing, arguments):
    script = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom antiphon.cli.main import main\n"
        f"sys.exit(main([*{arguments!r}, '--config', {str(config)!r}]))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=config.parent)
    assert ran.returncode == Exit.FAILED
    assert f"needs {missing}, which is not installed; run: pip install 'antiphon[" in ran.stderr


def test_a_report_of_the_live_database_loads_no_parquet_reader(config):
    script = (
        "import sys; from antiphon.cli.main import main\n"
        f"assert main(['spend', '--config', {str(config)!r}, '--since', '1m']) == 0\n"
        "print('pyarrow' in sys.modules, 'numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False False"
