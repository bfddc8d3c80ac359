"""Every fault, path and error of labs is on the reference's page, and does what the page says."""

import json
import re
from typing import get_args

import pytest
import yaml
from pages.desk import Desk
from pages.page import ROOT, reference
from pages.source import keywords, modules

from antiphon.core.error import BadRequest, NotFound
from antiphon.providers.lab import server
from antiphon.providers.lab.settings import Fault

PAGE = reference("lab")
FAULTS = {row[0].strip("`"): row for row in PAGE.rows("Faults")}
ASK = """\
curl -o answer -w '%{http_code}' http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{"model": "fault/NAME", "messages": [{"role": "user", "content": "Hello!"}]}'
"""


def test_every_fault_has_its_row() -> None:
    assert sorted(FAULTS) == sorted(get_args(Fault))


def test_the_example_has_a_model_for_every_fault() -> None:
    models = yaml.safe_load((ROOT / "examples" / "faults.yaml").read_text())["models"]
    assert {f"fault/{fault}" for fault in get_args(Fault)} <= set(models)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory):
    desk = Desk(tmp_path_factory.mktemp("faults"))
    desk.serve("antiphon serve --config examples/faults.yaml")
    yield desk
    desk.close()


@pytest.mark.processes
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gives_its_caller_what_the_page_says(fault: str, faulty: Desk) -> None:
    status = faulty.shell(ASK.replace("NAME", fault), lenient=True)
    answer = json.loads((faulty.home / "answer").read_text())
    code = answer["error"]["code"] if "error" in answer else "none"
    assert [status, code] == [FAULTS[fault][2], FAULTS[fault][3].strip("`")]


@pytest.mark.processes
@pytest.mark.parametrize("fault", ["cut", "malformed_sse"])
def test_a_stream_that_breaks_ends_with_an_event_that_holds_the_error(fault: str, faulty: Desk) -> None:
    asked = ASK.replace("NAME", fault).replace('"messages"', '"stream": true, "messages"')
    assert faulty.shell(asked) == "200"
    *_, last, end = (faulty.home / "answer").read_text().split("\n\n")
    assert end == ""
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == FAULTS[fault][3].strip("`")


def test_every_path_has_its_row() -> None:
    documented = {row[0].strip("`") for row in PAGE.rows("Endpoints")}
    told = re.findall(r"^\| (GET|POST|PUT|DELETE) \| (.+?) \|", server.__doc__ or "", re.MULTILINE)
    assert documented == {f"{method} {path}" for method, paths in told for path in paths.split(", ")}


def test_every_error_of_its_own_has_its_row() -> None:
    given = {
        code
        for name, tree in modules().items()
        if name.startswith("providers/lab/")
        for code in keywords(tree, "code")
        if re.fullmatch(r"[a-z_]+", code)
    }
    assert {row[0].strip("`") for row in PAGE.rows("Its own errors")} == given | {BadRequest.code, NotFound.code}


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    from antiphon.providers.lab import count, prefixes, records

    assert f"an image, audio or file part is {count.MEDIA_TOKENS}." in PAGE.text
    assert f"from {prefixes.LEAST_TOKENS:,} tokens on, in steps of {prefixes.STEP_TOKENS}" in PAGE.text
    assert f"the newest {records.KEPT_REQUESTS:,} requests" in PAGE.text
    assert count.BYTES_PER_TOKEN == 4
    assert "four bytes of UTF-8 are one" in PAGE.text
