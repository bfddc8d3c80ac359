"""Every metric has its heading in the reference, with its type and labels."""

import re
from urllib.request import urlopen

import pytest
from pages.desk import GATEWAY, Desk
from pages.page import reference
from pages.source import modules, texts
from prometheus_client.parser import text_string_to_metric_families

PAGE = reference("metrics")
ENTRIES = {title: body for title, body in PAGE.sections().items() if title.startswith("antiphon_")}
COUNTS = ("telemetry/", "calls/measure.py")
"""Where names of metrics stand."""
TYPES = {"counter": "counter", "gauge": "gauge", "histogram": "histogram"}


def counted() -> set[str]:
    found = (text for name, tree in modules().items() if name.startswith(COUNTS) for text in texts(tree))
    return {text for text in found if re.fullmatch(r"antiphon_[a-z_]+", text)}


def labels(name: str) -> set[str]:
    line = re.search(r"^- Labels: (.+)$", ENTRIES[name], re.MULTILINE)
    assert line is not None
    return set(re.findall(r"`(\w+)`", line[1]))


def test_every_metric_has_a_heading_and_every_heading_is_a_metric() -> None:
    assert sorted(ENTRIES) == sorted(counted())


@pytest.mark.processes
def test_types_and_labels_are_those_of_the_page_that_is_served(desk: Desk) -> None:
    calls = (desk.home / "examples" / "calls.yaml").read_text("utf-8")
    for section, more in (("providers", PROVIDERS), ("models", MODELS), ("routes", ROUTES)):
        assert calls.count(f"\n{section}:\n") == 1
        calls = calls.replace(f"\n{section}:\n", f"\n{section}:\n{more}")
    desk.write("antiphon.yaml", SECTIONS + calls)
    desk.write("agents.yaml", AGENTS)
    desk.serve("antiphon serve")
    desk.shell(CALLS)
    with urlopen(f"http://{desk.addresses[GATEWAY]}/metrics") as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    served = {family.name + ("_total" if family.type == "counter" else ""): family for family in families}
    assert sorted(served) == sorted(ENTRIES)
    for name, family in served.items():
        assert f"- Type: {TYPES[family.type]}\n" in ENTRIES[name], name
        assert {key for sample in family.samples for key in sample.labels} - {"le"} == labels(name), name


def test_expressions_name_metrics_and_labels_that_there_are() -> None:
    expressions = " ".join(row[1] for row in PAGE.rows("What to watch"))
    names = {re.sub(r"_bucket$", "", name) for name in re.findall(r"antiphon_\w+", expressions)}
    assert names <= set(ENTRIES)
    assert set(re.findall(r'{(\w+)="', expressions)) <= {"outcome"}


ROUTES = """\
  team:
    models: [spare]
    rules: [{name: any, when: "true", models: [spare, steady], recipe: twice, impact: high}]
    escalate: {impact: [high], models: [steady, spare]}
    shadow: {models: [steady], percent: 100}
"""
PROVIDERS = """\
  scripted:
    profile: lab
    lab:
      models:
        clerk:
          script:
            - {when: "'look' not in called", calls: [{tool: look, arguments: {}}]}
            - {when: "'pay' in task and 'pay' not in called", calls: [{tool: pay, arguments: {}}]}
            - {say: Done.}
"""
MODELS = """\
  clerk: {provider: scripted}
"""
AGENTS = """\
apiVersion: antiphon/v1
kind: Agent
metadata: {name: clerk}
spec: {goal: Settle orders., models: {act: clerk}, tools: [look, pay], verify: null, safety: {plan_lock: false}}
---
apiVersion: antiphon/v1
kind: Tool
metadata: {name: look}
spec: {description: Looks an order up., effect: pure, parameters: {type: object}, simulated: {answers: [{result: 12}]}}
---
apiVersion: antiphon/v1
kind: Tool
metadata: {name: pay}
spec: {description: Pays., destructive: true, parameters: {type: object}, simulated: {answers: [{result: paid}]}}
---
apiVersion: antiphon/v1
kind: Trigger
metadata: {name: orders, tenant: default}
spec: {agent: clerk, webhook: {secret: "c2VjcmV0LW9mLXRoZS1ob29rLTAwMDE="}}
"""
SECTIONS = """\
agents: {documents: [agents.yaml]}
recipes:
  twice: {vote: {members: [spare, steady, spare]}}
guards:
  greeting: {regex: {patterns: {hello: {pattern: Hello}}}, "on": [request], action: flag}
"""
CALLS = """\
ask() {
  curl -o /dev/null http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model": "'$1'", "temperature": 0, "messages": [{"role": "user", "content": "Hello!"}]}'
}
for model in chat down quick kept rare team; do ask $model; done
ask rare || true
for i in 1 2; do ask same & done
wait
for task in look pay; do
  curl -o /dev/null http://127.0.0.1:8080/v1/runs -H 'Content-Type: application/json' \\
    -d '{"agent": "clerk", "input": "'$task'", "wait_s": 20}'
done
curl http://127.0.0.1:8080/v1/triggers/orders -d '{}' || true
receipt=$(antiphon receipt show --last --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
antiphon feedback $receipt --good
until curl http://127.0.0.1:8080/metrics | grep -q '^antiphon_quality{'; do sleep 0.1; done
sleep 1.1
"""
"""Something of everything that is counted; then as long as gauges of deployments take to be set."""
