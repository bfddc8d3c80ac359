"""`antiphon chat` against a real gateway with lab models."""

import json
import re
import signal
from typing import Any

import pytest

from rig.wait import until

pytestmark = pytest.mark.processes

LINE = re.compile(
    r"quick · (\d+) tokens in, (\d+) out · \$0\.\d{2,9} · first token [\d.]+ m?s, total [\d.]+ m?s · receipt ([0-9a-f-]{36})\n"
)


def test_the_answer_is_on_stdout_and_what_it_took_on_stderr(antiphon, gateway):
    ran = antiphon("chat", "hello", "--model", "fast", asking=gateway)
    assert ran.code == 0
    assert ran.out.startswith("[quick, a simulated model] I read 1 message, 1 word.")
    assert ran.out.endswith("\n")
    assert LINE.fullmatch(ran.err)


def test_its_document_says_what_the_receipt_says(antiphon, gateway):
    ran = antiphon("chat", "hello", "--model", "fast", "--json", asking=gateway)
    told = json.loads(ran.out)
    receipt = json.loads(antiphon("receipt", "show", told["receipt"], "--config", gateway.config, "--json").out)
    assert ran.err == ""
    assert list(told) == [
        *("answer", "model", "deployment", "finish_reason", "usage", "cost_usd", "first_token_s", "total_s", "receipt")
    ]
    assert (told["deployment"], told["model"], told["finish_reason"]) == ("quick", "quick", "stop")
    assert told["usage"] == {"cached_tokens": 0, "reasoning_tokens": 0, **receipt["usage"]}
    usage = told["usage"]
    assert told["cost_usd"] == (usage["input_tokens"] + 2 * usage["output_tokens"]) / 1e6
    assert 0 < told["first_token_s"] <= told["total_s"]


def test_what_has_no_price_has_no_cost(antiphon, gateway):
    assert json.loads(antiphon("chat", "hi", "--model", "unbilled", "--json", asking=gateway).out)["cost_usd"] is None
    assert " · cost unknown · " in antiphon("chat", "hi", "--model", "unbilled", asking=gateway).err


def test_a_piped_prompt_and_a_system_message_are_read(antiphon, gateway):
    ran = antiphon("chat", "--model", "fast", "--system", "be brief", stdin="one two three\n", asking=gateway)
    assert "I read 2 messages, 5 words." in ran.out


def test_a_bound_on_tokens_is_kept_and_told(antiphon, gateway):
    ran = antiphon("chat", "hello", "--model", "fast", "--max-tokens", "3", asking=gateway)
    assert ", 3 out · " in ran.err
    assert ran.err.endswith(" · ended by length\n")


def test_the_session_is_in_the_receipt(antiphon, gateway):
    told = json.loads(antiphon("chat", "hi", "--model", "fast", "--session", "s 1", "--json", asking=gateway).out)
    receipt = json.loads(antiphon("receipt", "show", told["receipt"], "--config", gateway.config, "--json").out)
    assert receipt["lineage"] == {"session": "s 1"}


@pytest.mark.parametrize("stdin", ["", " \n"])
def test_nothing_to_ask_is_a_wrong_use(antiphon, gateway, stdin):
    ran = antiphon("chat", stdin=stdin, asking=gateway)
    assert (ran.code, ran.out) == (2, "")
    assert "nothing to ask" in ran.err


@pytest.mark.parametrize(
    ("model", "variables", "code", "said"),
    [
        ("fast", {"ANTIPHON_KEY": ""}, 4, "give the key in the variable ANTIPHON_KEY"),
        ("fast", {"ANTIPHON_KEY": "sk-of-nobody"}, 4, "this API key is not known"),
        ("quick", {"ANTIPHON_KEY": "sk-limited-0123456789"}, 4, "see `antiphon models`"),
        ("none", {}, 1, "see `antiphon models`"),
        ("busy", {}, 6, "try again in 7 s"),
        ("failing", {}, 5, "why: antiphon receipt show "),
        ("cutting", {}, 5, "why: antiphon receipt show "),
    ],
)
def test_each_refusal_has_its_code_and_says_what_to_do(antiphon, gateway, model, variables, code, said):
    ran = antiphon("chat", "hi", "--model", model, asking=gateway, **variables)
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert "sk-" not in ran.err


def test_whoever_has_no_key_is_not_sent_to_a_receipt(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "fast", asking=gateway, ANTIPHON_KEY="sk-of-nobody")
    assert (ran.code, "receipt show" in ran.err) == (4, False)


def test_a_refusal_is_the_one_document(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "none", "--json", asking=gateway)
    told = json.loads(ran.out)["error"]
    assert told["code"] == "model_not_found"
    assert told["message"] in ran.err
    assert told["next"][0] == "see `antiphon models`"


def test_a_cut_answer_stays_on_stdout_and_its_reason_goes_to_stderr(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "cutting", asking=gateway)
    assert ran.out.startswith("[cutting")
    assert ran.out.endswith("\n")
    assert "[cutting" not in ran.err


def test_an_answer_that_takes_too_long_is_given_up(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "slow", "--timeout", "2", asking=gateway)
    assert ran.code == 5
    assert f"{gateway.url} gave no whole answer within 2 s" in ran.err


def test_ctrl_c_ends_it_and_the_receipt_says_so(antiphon, started, gateway):
    with started("chat", "hi", "--model", "slow", "--session", "left", asking=gateway) as chat:
        assert chat.out.read(1) == "["
        chat.process.send_signal(signal.SIGINT)
        rest, err = chat.process.communicate(timeout=60)
    assert chat.process.returncode == 130
    assert rest.endswith("\n")
    assert err == ""

    def ended() -> dict[str, Any] | None:
        receipt = json.loads(antiphon("receipt", "show", "--last", "--config", gateway.config, "--json").out)
        return None if receipt["outcome"] == "running" else receipt

    receipt = until(ended, "the gateway sees that it was left")
    assert (receipt["lineage"], receipt["outcome"]) == ({"session": "left"}, "client_gone")


def test_whoever_reads_may_stop_reading(started, gateway):
    with started("chat", "hi", "--model", "slow", asking=gateway) as chat:
        assert chat.out.read(1) == "["
        chat.out.close()
        assert chat.err.read() == ""
        assert chat.process.wait(60) == 1


def test_a_conversation_goes_along_with_what_was_said(terminal, antiphon, gateway):
    typing = [("> ", "one two\n"), ("receipt", ""), ("> ", "three\n"), ("receipt", ""), ("> ", "/quit\n")]
    code, shown = terminal("chat", "--model", "fast", asking=gateway, typing=typing)
    assert code == 0
    assert "I read 1 message, 2 words." in shown
    assert "I read 3 messages" in shown
    receipt = json.loads(antiphon("receipt", "show", "--last", "--config", gateway.config, "--json").out)
    assert receipt["lineage"]["session"].startswith("chat-")


def test_a_failure_does_not_end_a_conversation(terminal, gateway):
    code, shown = terminal(
        "chat", "--model", "none", asking=gateway, typing=[("> ", "hi\n"), ("why:", ""), ("> ", "\x04")]
    )
    assert code == 0
    assert "there is no model 'none'" in shown


def test_a_terminal_is_coloured_unless_told_otherwise(terminal, gateway):
    _, shown = terminal("chat", "hi", "--model", "fast", asking=gateway)
    assert "\x1b[2mquick · " in shown
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        _, plain = terminal("chat", "hi", "--model", "fast", asking=gateway, **variables)
        assert "\x1b" not in plain


def test_a_last_resort_is_no_answer_and_says_who_takes_over(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "sorry", asking=gateway)
    assert (ran.code, ran.out) == (5, "We will write to you.\n")
    assert re.fullmatch(
        r"no model answered \(.+: .+\): this is the operator's text · desk takes over · receipt [0-9a-f-]{36}\n",
        ran.err,
    )


def test_the_document_of_a_last_resort_is_whole_and_its_code_says_that_it_failed(antiphon, gateway):
    ran = antiphon("chat", "hi", "--model", "sorry", "--json", asking=gateway)
    told = json.loads(ran.out)
    assert (ran.code, told["model"], told["answer"]) == (5, "antiphon/last-resort", "We will write to you.")
    assert ran.err.startswith("no model answered (")


def test_a_conversation_goes_on_without_a_last_resort_in_it(terminal, antiphon, gateway):
    typing = [("> ", "one two\n"), ("takes over", ""), ("> ", "three\n"), ("takes over", ""), ("> ", "/quit\n")]
    code, shown = terminal("chat", "--model", "sorry", asking=gateway, typing=typing)
    assert (code, shown.count("We will write to you.")) == (0, 2)
    receipt = json.loads(antiphon("receipt", "show", "--last", "--content", "--config", gateway.config, "--json").out)
    assert "We will write" not in receipt["content"]["request"]
