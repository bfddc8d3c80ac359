"""`antiphon receipt show`."""

import json
import re

import pytest
from receipts import receipt

from antiphon.cli.receipt_page import page
from antiphon.core.plan import Candidate, Envelope, Plan, Step
from antiphon.core.receipt import Attempt

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def told(antiphon, gateway) -> dict:
    """An answer, as `antiphon chat --json` tells of it."""
    return json.loads(antiphon("chat", "hello", "--model", "auto", "--session", "one", "--json", asking=gateway).out)


def test_the_page_tells_the_whole_story(antiphon, gateway, told):
    ran = antiphon("receipt", "show", told["receipt"], "--config", gateway.config)
    assert (ran.code, ran.err) == (0, "")
    for said in (
        rf"^Receipt {told['receipt']}$",
        r"^outcome +ok, HTTP 200: answered$",
        r"^time +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC; first token .+, total .+$",
        r"^who +tenant default, key admin \(admin\), team core, tags one two$",
        r"^asked +auto, as a stream, by /v1/chat/completions \(openai_chat\), \d+ bytes$",
        r"^planned +single on route auto: quick$",
        r"^served +quick, model quick, fingerprint lab_",
        r"^verdict +allowed by key\.models$",
        r"^usage +\d+ tokens in, \d+ out$",
        r"^cost +\$0\.\d+ \(reported usage at the configured price\)$",
        r"^lineage +session one$",
        r"^  quick +may answer$",
        r"^  absent +no key: its provider is off$",
        r"^  1\. quick: quick at lab \(fast private\)$",
        r"^    first byte +[\d.]+ m?s +━+$",
        r"^    last byte +[\d.]+ m?s +━+$",
    ):
        assert re.search(said, ran.out, re.MULTILINE), said


def test_bars_are_plain_where_stdout_knows_no_others(antiphon, gateway, told):
    ran = antiphon("receipt", "show", told["receipt"], "--config", gateway.config, PYTHONIOENCODING="ascii")
    assert re.search(r"last byte +[\d.]+ m?s +=+", ran.out)


def test_the_data_directory_and_the_gateway_show_the_same(antiphon, gateway, told):
    local = antiphon("receipt", "show", told["receipt"], "--config", gateway.config, "--json")
    remote = antiphon("receipt", "show", told["receipt"], "--url", gateway.url, "--key", gateway.admin, "--json")
    assert json.loads(local.out) == json.loads(remote.out)
    assert json.loads(local.out)["id"] == told["receipt"]


def test_the_last_one_is_the_newest(antiphon, gateway):
    newest = json.loads(antiphon("chat", "newest", "--model", "fast", "--json", asking=gateway).out)
    last = json.loads(antiphon("receipt", "show", "--last", "--config", gateway.config, "--json").out)
    assert last["id"] == newest["receipt"]


def test_captured_content_is_opened_with_the_local_key(antiphon, gateway, told):
    stored = json.loads(
        antiphon("receipt", "show", told["receipt"], "--config", gateway.config, "--content", "--json").out
    )
    page = antiphon("receipt", "show", told["receipt"], "--config", gateway.config, "--content")
    assert json.loads(stored["content"]["request"])["messages"] == [{"role": "user", "content": "hello"}]
    assert stored["content"]["answer"].endswith("data: [DONE]\n\n")
    assert stored["content"]["cut"] is False
    assert '"content":"hello"' in page.out


def test_without_content_it_says_how_to_capture_it(antiphon, gateway):
    antiphon("chat", "hi", "--key", "sk-nobody-knows-it", "--url", gateway.url)
    ran = antiphon("receipt", "show", "--last", "--config", gateway.config, "--content")
    assert (ran.code, ran.out) == (1, "")
    assert "storage.capture: content" in ran.err


def test_a_refused_request_says_why(antiphon, gateway):
    antiphon("chat", "hi", "--model", "failing", asking=gateway)
    ran = antiphon("receipt", "show", "--last", "--config", gateway.config)
    assert re.search(r"^outcome +failed, HTTP 502: failed upstream$", ran.out, re.MULTILINE)
    assert re.search(r"^error +upstream_error: ", ran.out, re.MULTILINE)
    assert re.search(r"^    answered +HTTP 500$", ran.out, re.MULTILINE)


def test_others_do_not_see_it(antiphon, gateway, told):
    ran = antiphon("receipt", "show", told["receipt"], "--url", gateway.url, "--key", gateway.limited)
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("which", [("00000000-0000-7000-8000-000000000000",), ("../x",)])
def test_an_unknown_one_is_told(antiphon, gateway, which):
    local = antiphon("receipt", "show", *which, "--config", gateway.config)
    remote = antiphon("receipt", "show", *which, "--url", gateway.url, "--key", gateway.admin)
    assert (local.code, local.out, remote.code, remote.out) == (1, "", 1, "")
    assert "there is no receipt" in local.err
    assert "there is no receipt" in remote.err


def test_a_directory_without_any_is_told(antiphon, tmp_path):
    ran = antiphon("receipt", "show", "--last", "--json", cwd=tmp_path)
    assert ran.code == 1
    assert "there is no data directory" in json.loads(ran.out)["error"]["message"]
    (tmp_path / "antiphon-data").mkdir()
    assert "there is no receipt yet" in antiphon("receipt", "show", "--last", cwd=tmp_path).err
    assert list((tmp_path / "antiphon-data").iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [(), ("a", "--last"), ("--last", "--url", "http://a"), ("a", "--content", "--url", "http://a")]
)
def test_what_does_not_go_together_is_a_wrong_use(antiphon, arguments):
    ran = antiphon("receipt", "show", *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_a_configuration_with_mistakes_says_what_else_can_be_done(antiphon, tmp_path):
    (tmp_path / "antiphon.yaml").write_text("nonsense: 1\n")
    ran = antiphon("receipt", "show", "--last", cwd=tmp_path)
    assert ran.code == 3
    assert "--url" in ran.err


def test_of_a_request_whose_process_died_no_end_is_made_up():
    attempt = Attempt(deployment="d", provider="p", model="m")
    died = receipt(1, "interrupted", error="process_died", attempts=(attempt,))

    shown = "\n".join(page(died))

    assert "its end is not known" in shown
    assert "that is not known" in shown
    assert "0.0 ms" not in shown
    assert "nothing" not in shown


@pytest.mark.parametrize(
    ("count", "attempts", "tokens"), [(1, "1 attempt", "1 output token"), (2, "2 attempts", "2 output tokens")]
)
def test_one_of_a_thing_is_not_many(count, attempts, tokens):
    envelope = Envelope(attempts=count, seconds=9, output_tokens=count)
    step = Step(name="call", deployments=("d",), envelope=envelope)
    plan = Plan(recipe="single", route="r", steps=(step,), candidates=(Candidate(deployment="d"),))

    shown = "\n".join(page(receipt(1, asked="r", output_tokens=count, plan=plan)))

    assert f"step call: at most {attempts}, 9 s, {tokens}\n" in shown
    assert f", {tokens} at most, by " in shown
