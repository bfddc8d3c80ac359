"""Every fact has its row, with its kind and price, and says on the page what it says in the code."""

import re

import msgspec
from asking import facts_of
from pages.page import ROOT, reference

from antiphon.signals.catalogue import BUILT_IN, environment
from antiphon.signals.learned import domains, tasks
from antiphon.signals.make_data import Seeds
from antiphon.signals.settings import SignalSettings

PAGE = reference("signals")
OWN = {
    "keywords": {"NAME": {"any": ["a"]}},
    "examples": {"NAME": {"texts": ["a"]}},
    "functions": {"NAME": {"call": "a:b"}},
    "models": {"NAME": {"model": "a", "ask": "?", "choices": ["a", "b"]}},
}


def test_the_built_in_facts_are_those_of_the_catalogue() -> None:
    rows = [tuple(cell.strip("`") if at == 0 else cell for at, cell in enumerate(row)) for row in PAGE.rows("Facts")]
    assert rows == [(one.name, one.kind, one.cost, one.says) for one in BUILT_IN.values()]


def test_the_declared_facts_are_those_of_a_configuration() -> None:
    small = msgspec.json.decode(msgspec.json.encode(OWN).replace(b"NAME", b"name"))
    known = environment(msgspec.convert(small, SignalSettings))
    rows = {row[0].strip("`"): row for row in PAGE.rows("Facts that you declare")}
    own = {name: one for name, one in known.items() if name not in BUILT_IN}
    own["header.NAME"] = known["header.x_name"]
    assert {name.replace(".name", ".NAME"): one.cost for name, one in own.items()} == {
        name: row[2] for name, row in rows.items()
    }
    kinds = {name: row[1] for name, row in rows.items() if row[1] != "as declared"}
    assert {name: own[name.replace("NAME", "name") if name != "header.NAME" else name].kind for name in kinds} == kinds


def test_every_task_has_its_row_and_every_domain_is_named() -> None:
    assert [row[0].strip("`") for row in PAGE.rows("Tasks")] == list(tasks().names)
    assert set(re.findall(r"`(\w+)`", BUILT_IN["task.name"].says)) == set(tasks().names)
    assert set(re.findall(r"`(\w+)`", BUILT_IN["domain.name"].says)) == set(domains().names)


def test_the_sources_of_the_tables_are_named_with_their_licence() -> None:
    notice = (ROOT / "THIRD_PARTY.md").read_text("utf-8")
    for source in ("Mimino666/langdetect", "TIGER-AI-Lab/MMLU-Pro", "WildEval/ZeroEval"):
        assert f"https://github.com/{source}" in notice


def test_how_often_the_task_is_right_is_what_the_page_says() -> None:
    prompts = Seeds(ROOT / "bench" / "tools" / "signals", ROOT).prompts("held-out")
    found = [(task, facts_of(text)) for task, text in prompts]
    right = [facts.value("task.name") == task for task, facts in found]
    sure = [one for one, (_, facts) in zip(right, found, strict=True) if facts.fact("task.name").confidence >= 0.7]
    share = re.search(r"\| `task\.name` \| (\d+) % \[\d+, \d+\] of 100 \|", PAGE.text)
    much = re.search(r"right in (\d+) % \[\d+, \d+\] of those (\d+)", PAGE.text)
    assert share is not None
    assert much is not None
    assert (round(100 * sum(right) / len(right)), round(100 * sum(sure) / len(sure)), len(sure)) == (
        int(share[1]),
        int(much[1]),
        int(much[2]),
    )
