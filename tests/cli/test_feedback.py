"""`antiphon feedback` and `antiphon quality`."""

import json
import time

import pytest

pytestmark = pytest.mark.processes
PATIENCE_S = 60.0


@pytest.fixture
def receipt(antiphon, gateway):
    ran = antiphon("chat", "Hello!", "--model", "fast", "--json", asking=gateway)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)["receipt"]


def test_a_score_is_told_with_who_it_is_of(antiphon, gateway, receipt):
    ran = antiphon("feedback", receipt, "--score", "0.4", "--note", "half of it", asking=gateway)

    assert (ran.code, ran.err) == (0, "")
    said = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert said["score"].startswith("0.4 by admin (feedback), ")
    assert (said["deployment"], said["route"], said["note"]) == ("quick", "fast", "half of it")
    assert said["receipt"] == receipt


@pytest.mark.parametrize(("option", "score"), [("--good", 1.0), ("--bad", 0.0)])
def test_thumbs_are_1_and_0(antiphon, gateway, receipt, option, score):
    ran = antiphon("feedback", receipt, option, "--source", "evaluation", "--json", asking=gateway)

    told = json.loads(ran.out)
    assert (told["score"], told["source"], told["by"]) == (score, "evaluation", "admin")


def test_quality_stands_in_columns(antiphon, gateway, receipt):
    antiphon("feedback", receipt, "--good", asking=gateway)
    end_s = time.monotonic() + PATIENCE_S
    while "quick" not in (ran := antiphon("quality", asking=gateway)).out:
        assert time.monotonic() < end_s, "the score is not counted"

    head, *rows = ran.out.splitlines()
    assert head.split() == ["DEPLOYMENT", "ROUTE", "TASK", "QUALITY", "95", "%", "SCORES"]
    assert any(row.startswith("quick") and "(all)" in row and " to " in row for row in rows)
    assert json.loads(antiphon("quality", "--json", asking=gateway).out)["data"][0]["deployment"] == "quick"


def test_where_nothing_was_scored_that_is_said(antiphon, gateway):
    ran = antiphon("quality", "--tenant", "nobody", asking=gateway)

    assert (ran.code, ran.out) == (0, "")
    assert "antiphon feedback" in ran.err


@pytest.mark.parametrize("options", [(), ("--good", "--bad"), ("--score", "1.1"), ("--score", "nan"), ("--score", "x")])
def test_wrong_arguments_are_told_before_anything_is_sent(antiphon, options):
    ran = antiphon("feedback", "01a21e6e-2160-7306-8cb9-90ca9712c997", *options)

    assert ran.code == 2
    assert ran.out == ""


def test_a_receipt_that_is_not_there_is_an_error(antiphon, gateway):
    ran = antiphon("feedback", "nothing", "--good", "--json", asking=gateway)

    assert ran.code == 1
    assert json.loads(ran.out)["error"]["code"] == "receipt_not_found"
