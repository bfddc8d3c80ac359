"""Secrets: by format, by name, and what only looks like one. Keys are put together here, so that none stands in this file."""

import random
import re._constants as sre
import re._parser as sre_parser
from collections.abc import Sequence
from typing import Any

import pytest
from lanes import cut, guards, streamed, whole

from antiphon.guards.port import LONGEST_TAIL
from antiphon.guards.secrets import SecretsDetector
from antiphon.guards.secrets_rules import OTHERS, Format, known, rules
from antiphon.guards.secrets_values import entropy
from antiphon.guards.settings_secrets import SecretsSettings

ALL = SecretsDetector(SecretsSettings())
RULES = rules()
FORMATS = [rule for rule in RULES.rules if rule.id != "jwt-base64"]
DRAWN = "q8Zt5Lw2Rx7Vb3Nc6Md9Kf4Hg1Js0Pa5Ye8U"


def found(text: str, detector: SecretsDetector = ALL) -> list[tuple[str, str]]:
    return [(match.rule.removeprefix("secrets."), text[match.start : match.end]) for match in detector.find(text)]


def drawn(pattern: str, chance: random.Random) -> str:
    """A text that a pattern matches, with as few repetitions as it allows."""
    return "".join(_drawn(sre_parser.parse(pattern), chance))


def _drawn(parts: Any, chance: random.Random) -> list[str]:
    out: list[str] = []
    for op, value in parts:
        if op is sre.LITERAL:
            out.append(chr(value))
        elif op is sre.IN:
            out.append(chance.choice(_letters(value)))
        elif op in {sre.MAX_REPEAT, sre.MIN_REPEAT}:
            for _ in range(value[0]):
                out += _drawn(value[2], chance)
        elif op is sre.BRANCH:
            out += _drawn(chance.choice(value[1]), chance)
        elif op is sre.SUBPATTERN:
            out += _drawn(value[3], chance)
        else:
            raise AssertionError(f"{op} is not known")
    return out


def _letters(parts: Sequence[Any]) -> str:
    out = ""
    for op, value in parts:
        if op is sre.LITERAL:
            out += chr(value)
        elif op is sre.RANGE:
            out += "".join(map(chr, range(value[0], value[1] + 1)))
        elif value is sre.CATEGORY_DIGIT:
            out += "0123456789"
        else:
            out += "abcdefghijkmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return out


@pytest.mark.parametrize("rule", FORMATS, ids=lambda rule: rule.id)
def test_every_format_is_found_whole_and_in_a_stream(rule: Format):
    chance = random.Random(rule.id)
    seen = 0
    for _ in range(12):
        key = drawn(rule.pattern, chance)
        text = f"here {key} it is"
        matches = ALL.find(text)
        spans = [(match.start, match.end) for match in matches]
        assert streamed(cut(text, [3]), guards(ALL)) == spans == whole(text, guards(ALL))
        seen += any(start <= 5 < end and end - start > len(key) // 2 for start, end in spans)
    assert seen >= 8  # some are drawn with too few different letters, or with a word that made-up keys have


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_every_format_is_decided_by_its_first_characters(rule: Format):
    least, most = sre_parser.parse(rule.pattern).getwidth()
    assert least <= LONGEST_TAIL
    assert rule.more or most <= LONGEST_TAIL + 8
    assert all(word == word.lower() and len(word) + rule.back <= 40 for word in rule.at)


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        (f'api_key = "{DRAWN}"', "secret", DRAWN),
        (f"export SERVICE_TOKEN={DRAWN}", "secret", DRAWN),
        (f"const mapKey = '{DRAWN}';", "key", DRAWN),
        (f"client-secret: {DRAWN}.", "secret", DRAWN),
        (f'"token" => "{DRAWN}"', "secret", DRAWN),
        (f"The token is {DRAWN}, keep it", "secret", DRAWN),
        ('password = "Correct-Horse"', "password", "Correct-Horse"),
        ("password: hunter2x9", "password", "hunter2x9"),
        ('<add key="Password" value="n0t-Clear!" />', "password", "n0t-Clear!"),
        (f"Authorization: Bearer {DRAWN}", "authorization", DRAWN),
        ("postgres://ana:s3cretive@db.internal/x", "url-password", "s3cretive"),
        (f"curl -s -u ana:{DRAWN} https://api.internal", "curl-user", DRAWN),
    ],
)
def test_a_name_makes_a_secret_of_its_value(text, rule, value):
    assert found(text) == [(rule, value)]


@pytest.mark.parametrize(
    "text",
    [
        'token = "your_token_here_1234"',
        "token = get_token(user1, 2)",
        "password: hunter",  # a plain word that nothing quotes
        'key = "content-type-2"',
        "primary_key=True, api_key=settings.api_key",
        'public_key = "9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit"',
        "max_tokens: 4096",
        "secret = os.environ['SECRET_42']",
        "https://user:password@example.org",
        "https://example.org:8080/a@b",
        "docker run -u 1000:1000 image",
        "AKIA" + "IOSFODNN7" + "EXAMPLE",
        "gh" + "p_" + "x" * 36,
        "risk-averse task-force; monkey: banana9banana",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_it_leaves_alone(text):
    assert found(text) == []


def test_a_private_key_is_found_from_its_head_to_its_foot():
    head, foot = "-----BEGIN OPENSSH PRIVATE" + " KEY-----", "-----END OPENSSH PRIVATE" + " KEY-----"
    key = f"{head}\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n{foot}"
    assert found(f"a\n{key}\nb\n{key}\nc") == [("private-key", key)] * 2


def test_what_is_left_out_allowed_or_stopped_is_no_finding():
    text = f"token: {DRAWN}"
    assert not found(text, SecretsDetector(SecretsSettings(without=["secret"])))
    assert not found(text, SecretsDetector(SecretsSettings(allow=[DRAWN])))
    assert not found(text, SecretsDetector(SecretsSettings(stop_words=["zT5LW"])))
    assert not found(text, SecretsDetector(SecretsSettings(entropy=3.0)))
    assert found(text) == [("secret", DRAWN)]


def test_settings_name_rules_that_there_are():
    assert SecretsSettings(without=["jwt", "key", *OTHERS]).check() == []
    ((path, _, remedy),) = SecretsSettings(without=["jwt", "jwt2"]).check()
    assert path == "without[1]"
    assert "aws-access-key" in remedy


def test_names_of_rules_are_told_once():
    every = [*(rule.id for rule in RULES.rules), *(rule.id for rule in RULES.names), *OTHERS]
    assert len(every) == len(set(every)) == len(known(RULES))


def test_letters_that_change_their_number_in_lower_case_shift_nothing():
    assert found(f"İİİ token: {DRAWN}") == [("secret", DRAWN)]


def test_entropy_counts_bits():
    assert (entropy("aaaa"), entropy("ab"), entropy("abcd")) == (0.0, 1.0, 2.0)


def test_time_grows_with_the_text_alone():
    """Each is thousands of beginnings of a key: rules that looked to the end from each would not come to an end."""
    for text in ("ey", "sk-", "key=", "://a:", "-----BEGIN", "|", "password: ", "curl -u ", "AKIA", "token is "):
        assert ALL.find(text * 3000) is not None
