"""The commands for policies."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from antiphon.cli.commands import parser
from antiphon.core.error import BadRequest, ConfigError
from antiphon.policy.schema import SCHEMA
from rig.wait import until

CONFIG = """
storage: {dir: DIR, ship_interval_s: 0.05}
server: {port: 0}
keys:
  - {name: ann, key: sk-ann-0123456789, team: sales}
  - {name: bob, key: sk-bob-0123456789, team: legal}
providers:
  lab: {lab: {models: {cheap: {tokens_per_s: 1000000}, dear: {tokens_per_s: 1000000}}}}
models:
  cheap: {provider: lab, tier: fast, priority: 1, terms: [no_training], price: {input: 1, output: 2}}
  dear: {provider: lab, tier: premium, price: {input: 10, output: 20}}
routes:
  auto: {models: [dear]}
  both: {models: [dear, cheap]}
policy:
  files: ["policies/*.cedar"]
"""
HOUSE = """
@id("sales.tier") @max_tier("fast")
permit(principal in Team::"sales", action == Action::"call_model", resource) when { context.model == "both" };
@id("night") forbid(principal, action == Action::"call_model", resource) when { context.injection > 90 };
"""
CASES = """
deployments: {cheap: {tier: fast}, dear: {tier: premium}}
cases:
  - name: sales stay cheap
    principal: {team: sales}
    context: {model: both}
    expect: {allow: true, excluded: [dear]}
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Place:
    """A directory with a configuration and policies, and commands in it."""

    def __init__(self, directory: Path, capsys: Any) -> None:
        self.directory = directory
        self.config = directory / "antiphon.yaml"
        self.config.write_text(CONFIG.replace("DIR", str(directory / "data")))
        self.house = self.write("policies/house.cedar", HOUSE)
        self._capsys = capsys

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *arguments: str | Path) -> Ran:
        parsed = parser().parse_args(["policy", *map(str, arguments), "--config", str(self.config)])
        code = import_module(f"antiphon.cli.{parsed.module}").run(parsed)
        return Ran(int(code), *self._capsys.readouterr())


@pytest.fixture
def place(tmp_path: Path, capsys: Any) -> Place:
    return Place(tmp_path, capsys)


def test_good_policies_pass_the_check(place: Place) -> None:
    ran = place.run("check")

    assert (ran.code, ran.err) == (0, "Policies: 2; odd: 1.\n")
    assert ran.out == "no policy reads the term 'no_training' of deployments (unused)\n"


def test_odd_policies_are_told_with_their_place(place: Place) -> None:
    odd = place.write(
        "odd.cedar",
        '\n@id("a") permit(principal, action == Action::"call_model", resource) when { resource.tier == "fst" };',
    )

    ran = place.run("check", odd, "--json")

    told, _ = json.loads(ran.out)["oddities"]
    assert ran.code == 1
    assert (told["kind"], told["id"], told["line"]) == ("unknown_name", "a", 2)


def test_bad_policies_stop_the_check(place: Place) -> None:
    bad = place.write("bad.cedar", "permit(principal, action, resource);")

    with pytest.raises(ConfigError, match=r"bad\.cedar:1: \(policy\): the policy has no @id"):
        place.run("check", bad)


def test_a_file_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"none\.cedar:1: \(file\): can't be read"):
        place.run("check", place.directory / "none.cedar")
    with pytest.raises(BadRequest, match="no file of policies is named so"):
        place.run("check", place.directory / "*.none")


def test_tests_beside_policies_are_run(place: Place) -> None:
    place.write("policies/house.test.yaml", CASES)

    ran = place.run("test")

    assert ran.code == 0
    assert "sales stay cheap: ok" in ran.out
    assert ran.err == "Never decided by any case: night.\n1 of 1 came out as expected.\n"


def test_a_test_that_fails_is_told_and_ends_with_1(place: Place) -> None:
    cases = place.write("cases.yaml", CASES.replace("excluded: [dear]", "excluded: []"))

    ran = place.run("test", cases, "--policy", place.house, "--json")

    told = json.loads(ran.out)
    assert ran.code == 1
    assert told["cases"][0]["wrong"] == ["excluded: dear, not none"]
    assert told["never_decided"] == ["night"]


def test_without_tests_it_is_said_where_they_go(place: Place) -> None:
    with pytest.raises(BadRequest, match=r"NAME\.test\.yaml"):
        place.run("test")


def test_a_difference_is_told_in_words_and_in_decisions(place: Place) -> None:
    after = place.write("after.cedar", HOUSE.replace("> 90", "> 50"))

    ran = place.run("diff", place.house, after, "--requests", "500")

    assert ran.code == 1
    assert '+@id("night") forbid' in ran.out
    assert "allow -> deny (night)" in ran.out


def test_policies_that_decide_alike_differ_in_nothing(place: Place) -> None:
    after = place.write("after.cedar", HOUSE + "// more words\n")

    ran = place.run("diff", place.house, after, "--requests", "100", "--made-up", "--json")

    assert (ran.code, json.loads(ran.out)["changed"]) == (0, 0)


def test_one_request_is_explained(place: Place) -> None:
    ran = place.run("explain", "principal.team=sales", "context.model=both")

    assert ran.code == 0
    assert "by          sales.tier" in ran.out
    assert "left out    dear: sales.tier" in ran.out


def test_terms_of_deployments_are_read(place: Place) -> None:
    text = (
        '@id("t") forbid(principal, action, resource is Deployment) unless { resource.terms.contains("no_training") };'
    )
    ran = place.run("explain", "context.model=both", "--policy", place.write("terms.cedar", text))

    assert "left out    dear: t" in ran.out
    assert "cheap" not in ran.out


def test_a_request_that_is_denied_ends_with_4(place: Place) -> None:
    ran = place.run("explain", "context.injection=95", "context.findings=email,phone", "--json")

    assert (ran.code, json.loads(ran.out)["reasons"]) == (4, ["night"])


@pytest.mark.parametrize(
    "said", ["team=sales", "principal.team", "context.hour=late", "context.time=3", "principle.team=x"]
)
def test_what_cannot_be_read_of_a_request_is_told(place: Place, said: str) -> None:
    with pytest.raises(BadRequest):
        place.run("explain", said)


def test_an_action_about_something_needs_to_know_what(place: Place) -> None:
    with pytest.raises(BadRequest, match="write resource"):
        place.run("explain", "--action", "use_tool")
    assert place.run("explain", "resource.kind=Tool", "resource.name=mail", "--action", "use_tool").code == 0


def test_the_schema_is_printed(capsys: Any) -> None:
    parsed = parser().parse_args(["policy", "schema"])

    assert import_module(f"antiphon.cli.{parsed.module}").run(parsed) == 0
    assert capsys.readouterr().out == SCHEMA


def test_a_bundle_goes_from_draft_to_force_and_back(place: Place) -> None:
    place.run("bundle", "draft", "house", place.house, "--note", "first")
    published = place.run("bundle", "publish", "house", "--share", "0.5")
    place.run("bundle", "rollout", "house", "--mode", "shadow")
    listed = place.run("bundle", "list")
    place.run("bundle", "draft", "house", place.house)
    place.run("bundle", "publish", "house")
    back = place.run("bundle", "rollback", "house", "1")
    versions = place.run("bundle", "versions", "house", "--json")
    shown = place.run("bundle", "show", "house")
    out = place.run("bundle", "withdraw", "house")
    gone = place.run("bundle", "delete", "house")

    assert published.err == "house: version 1 is in force (enforce, share 0.5).\n"
    assert listed.out.split("\n")[1].split()[:5] == ["house", "all", "1", "shadow", "0.5"]
    assert back.err == "house: version 1 is in force (enforce, share 0.5).\n"
    assert [one["number"] for one in json.loads(versions.out)["data"]] == [2, 1]
    assert json.loads(shown.out)["live"]["note"] == "first"
    assert out.err == "house: nothing is in force.\n"
    assert gone.err == "house is deleted.\n"


def asked(url: str, key: str) -> tuple[int, str]:
    """Status and message of a call."""
    try:
        return ask(url, "auto", key), ""
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]["message"]


@pytest.mark.processes
def test_what_is_published_or_written_governs_the_gateway_that_runs(place: Place, serving: Callable[..., Any]) -> None:
    bob, ann = "sk-bob-0123456789", "sk-ann-0123456789"
    place.config.write_text(f"{place.config.read_text()}admin: {{port: 0}}\n")
    bundle = place.write(
        "b.cedar", '@id("legal.none") forbid(principal in Team::"legal", action, resource is Deployment);'
    )
    with serving(place.config) as gateway:
        before = asked(gateway.url, bob)
        place.run("bundle", "draft", "legal", bundle)
        drafted = asked(gateway.url, bob)
        place.run("bundle", "publish", "legal")
        published = [asked(gateway.url, key) for key in (bob, ann)]
        place.run("bundle", "rollout", "legal", "--mode", "shadow")
        shadowed = asked(gateway.url, bob)
        place.run("bundle", "rollout", "legal", "--mode", "enforce")
        place.run("bundle", "withdraw", "legal")
        withdrawn = asked(gateway.url, bob)
        place.house.write_text(HOUSE + '@id("sales.none") forbid(principal in Team::"sales", action, resource);')
        until(lambda: asked(gateway.url, ann)[0] == 403, "the policy that was written")
        place.house.write_text(HOUSE)
        until(lambda: asked(gateway.url, ann)[0] == 200, "the policies of before")

    assert (before[0], drafted[0], shadowed[0], withdrawn[0]) == (200, 200, 200, 200)
    assert [one[0] for one in published] == [403, 200]
    assert "legal.none" in published[0][1]


def ask(url: str, model: str, key: str) -> int:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body, headers)) as answer:  # noqa: S310
        return answer.status


@pytest.mark.processes
def test_receipts_are_decided_again_under_other_policies(place: Place, serving: Callable[..., Any]) -> None:
    with serving(place.config) as gateway:
        asked = [ask(gateway.url, *one) for one in (("auto", "sk-ann-0123456789"), ("auto", "sk-bob-0123456789"))]
        asked.append(ask(gateway.url, "both", "sk-bob-0123456789"))
    after = place.write(
        "after.cedar",
        '@id("legal.none") forbid(principal in Team::"legal", action == Action::"call_model", resource) when { context.model == "auto" };'
        '@id("cheap.only") forbid(principal, action == Action::"call_model", resource) when { resource.tier == "premium" && context.model == "both" };',
    )

    same = place.run("replay")
    ran = place.run("replay", "--file", after, "--json")

    told = json.loads(ran.out)
    assert asked == [200, 200, 200]
    assert same.code == 0
    assert same.err.startswith("3 receipts decided again, 0 left out: nothing changes.")
    assert ran.code == 1
    assert told["counts"] == {"same": 1, "denied": 1, "moved": 1}
    moved = next(one for one in told["changes"] if one["what"] == "moved")
    denied = next(one for one in told["changes"] if one["what"] == "denied")
    assert (moved["served"], moved["now"], moved["after"]) == ("dear", ["cheap"], ["cheap.only"])
    assert moved["now_nano_usd"] * 10 == moved["cost_nano_usd"]
    assert (denied["key"], denied["after"], denied["now_nano_usd"]) == ("bob", ["legal.none"], 0)
