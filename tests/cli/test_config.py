"""`antiphon config check|show|diff|schema`."""

import json

import pytest

pytestmark = pytest.mark.processes

SECRET = "sk-secret-0123456789"
WRONG = """\
server: {port: many}
models:
  fast: {provider: nowhere}
rotues: {}
"""


@pytest.fixture
def good(tmp_path, text):
    file = tmp_path / "good.yaml"
    file.write_text(text)
    return file


@pytest.fixture
def bad(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(WRONG)
    return file


def test_every_mistake_has_its_line_and_remedy(antiphon, bad):
    ran = antiphon("config", "check", "--config", bad)
    assert (ran.code, ran.out) == (3, "")
    *problems, count = ran.err.splitlines()
    assert [line.split(": ")[:2] for line in problems] == [
        [f"{bad}:1", "server.port"],
        [f"{bad}:3", "models.fast.provider"],
        [f"{bad}:4", "rotues"],
    ]
    assert all("; " in line for line in problems)
    assert count == "3 mistakes"


def test_mistakes_are_a_document_too(antiphon, bad):
    told = json.loads(antiphon("config", "check", "--config", bad, "--json").out)
    assert told["valid"] is False
    assert [(one["line"], one["path"]) for one in told["problems"]] == [
        (1, "server.port"),
        (3, "models.fast.provider"),
        (4, "rotues"),
    ]
    assert all(one["file"] == str(bad) and one["wrong"] and one["remedy"] for one in told["problems"])


def test_what_holds_is_summed_up(antiphon, good):
    ran = antiphon("config", "check", "--config", good)
    lines = [line.split() for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{good} is right, revision ")
    assert ["auto", "quick"] in lines
    assert ["not,", "for", "no", "key:", "absent"] in lines
    assert "openai  off  it needs a key: set providers.openai.key" in ran.out
    assert "lab     on   simulated, run by the gateway" in ran.out


def test_the_summary_is_a_document_too(antiphon, good):
    told = json.loads(antiphon("config", "check", "--config", good, "--json").out)
    assert (told["valid"], told["problems"], told["file"]) == (True, [], str(good))
    assert {"name": "openai", "on": False, "why": "it needs a key: set providers.openai.key"} in told["providers"]
    auto = next(route for route in told["routes"] if route["name"] == "auto")
    assert auto["candidates"] == [{"deployment": "quick", "lost": ""}, {"deployment": "absent", "lost": "no key"}]


def test_a_budget_that_refuses_models_without_a_price_is_warned_of(antiphon, tmp_path):
    file = tmp_path / "antiphon.yaml"
    file.write_text(
        "providers: {own: {profile: compatible, base_url: 'http://x/v1'}}\n"
        "models: {own: {provider: own}, free: {provider: own, price: {input: 0, output: 0}}}\n"
        "budgets: [{name: month, usd: 5}]\n"
    )
    ran = antiphon("config", "check", "--config", file)
    assert ran.code == 0
    assert ran.err == (
        "warning: the budget month refuses calls to models without a price: own;"
        " give each a `price`, or write `unpriced: allow` at the budget\n"
    )


HELPED = """\
providers: {lab: {lab: {models: {a: {}, b: {}, c: {}}}}}
models: {a: {provider: lab}, b: {provider: lab}, c: {provider: lab}}
routes:
  plain: {models: [a]}
  both: {models: [b, c]}
  helped:
    models: [a]
    fallbacks: {any: [both], context_window: [c, b]}
    hedge: {enabled: true}
    coalesce: {enabled: true}
    last_resort: {respond: Later., hand_off: desk}
"""


def test_who_takes_over_and_what_is_on_is_summed_up(antiphon, tmp_path):
    file = tmp_path / "antiphon.yaml"
    file.write_text(HELPED)
    ran = antiphon("config", "check", "--config", file)
    assert ran.out.splitlines()[2:9] == [
        "Routes",
        "  plain   a",
        "  both    b, c",
        "  helped  a",
        "          after any failure: b or c",
        "          when the request is too long: c, then b",
        "          hedged, identical requests share a call, last resort: a text, handed off to desk",
    ]
    told = json.loads(antiphon("config", "check", "--config", file, "--json").out)
    assert told["routes"][2]["fallbacks"] == {
        "any": [["b", "c"]],
        "context_window": [["c"], ["b"]],
        "content_policy": [],
    }


def test_a_cap_on_cost_that_shuts_out_models_without_a_price_is_warned_of(antiphon, tmp_path):
    file = tmp_path / "antiphon.yaml"
    file.write_text(
        "providers: {own: {profile: compatible, base_url: 'http://x/v1'}}\n"
        "models: {own: {provider: own}, free: {provider: own, price: {input: 0, output: 0}}}\n"
        "routes: {auto: {models: [own, free], objective: {cost_at_most_usd: 1}}}\n"
    )
    ran = antiphon("config", "check", "--config", file)
    assert ran.code == 0
    assert ran.err == (
        "warning: route auto: `cost_at_most_usd` shuts out models without a price: own;"
        " give each a `price`, or write `unknown: allow` at the objective\n"
    )


def test_rules_that_never_decide_are_mistakes(antiphon, tmp_path):
    file = tmp_path / "antiphon.yaml"
    file.write_text(
        "providers: {lab: {lab: {models: {quick: {}}}}}\n"
        "models: {quick: {provider: lab}}\n"
        "routes:\n"
        "  auto:\n"
        "    models: [quick]\n"
        "    rules:\n"
        "      - {name: long, when: context.tokens > 5, models: [quick]}\n"
        "      - {name: longer, when: context.tokens > 9, models: [quick]}\n"
    )
    ran = antiphon("config", "check", "--config", file)
    assert ran.code != 0
    assert ran.err.splitlines()[0] == (
        f"{file}:8: routes.auto.rules[1].when: never decides: long before it holds wherever it does;"
        " put it before long, or leave it out"
    )


@pytest.mark.parametrize("text", ["", "providers: {openai: {}}\nmodels: {gpt-4o: {provider: openai}}\n"])
def test_that_nothing_can_be_asked_for_is_a_warning(antiphon, tmp_path, text):
    file = tmp_path / "antiphon.yaml"
    file.write_text(text)
    ran = antiphon("config", "check", "--config", file)
    assert ran.code == 0
    assert ran.err.startswith("warning: nothing can be asked for: ")


def test_a_raise_that_is_over_is_a_warning(antiphon, tmp_path):
    file = tmp_path / "antiphon.yaml"
    raises = 'raises: [{usd: 1, until: "2020-01-01T00:00:00Z"}]'
    file.write_text(f"{HELPED}budgets: [{{name: cap, usd: 1, {raises}}}]\n")
    ran = antiphon("config", "check", "--config", file)
    assert ran.code == 0
    assert "warning: the budget cap has a raise until 2020-01-01T00:00:00Z, which is over; take it out" in ran.err


def test_without_a_file_the_quickstart_is_checked(antiphon, tmp_path):
    assert antiphon("config", "check", cwd=tmp_path).out.startswith("quickstart.yaml (built in) is right")


def test_a_file_that_is_not_there_is_a_mistake(antiphon, tmp_path):
    ran = antiphon("config", "show", "--config", tmp_path / "none.yaml", "--json")
    assert ran.code == 3
    assert json.loads(ran.out)["error"]["problems"][0]["path"] == "(file)"


def test_no_verb_shows_a_secret(antiphon, good, tmp_path, text):
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("sk-admin-0123456789", SECRET))
    shown = [
        antiphon("config", "show", "--config", other),
        antiphon("config", "show", "--config", other, "--json"),
        antiphon("config", "diff", good, other),
        antiphon("config", "diff", good, other, "--json"),
        antiphon("config", "check", "--config", other, "--json"),
        antiphon("doctor", "--config", other),
    ]
    assert all(ran.out and "sk-" not in ran.out + ran.err for ran in shown)


def test_what_is_shown_holds_the_defaults(antiphon, good):
    told = json.loads(antiphon("config", "show", "--config", good, "--json").out)
    assert told["server"]["port"] == 8080
    assert "port: 8080" in antiphon("config", "show", "--config", good).out


def test_a_difference_is_a_line(antiphon, good, tmp_path, text):
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("sk-limited-0123456789", SECRET).replace("dir: data", "dir: elsewhere"))
    ran = antiphon("config", "diff", good, other)
    assert ran.code == 0
    directory, key = ran.out.splitlines()
    assert directory == f'~ storage.dir: "{tmp_path}/data" -> "{tmp_path}/elsewhere"  (needs a restart)'
    assert key.startswith('~ keys[limited].key: "secret ')
    assert ran.err.startswith("2 changes, 1 of them only by a restart: ")
    told = json.loads(antiphon("config", "diff", good, other, "--json").out)
    assert [(one["path"], one["needs_restart"]) for one in told["changes"]] == [
        ("storage.dir", True),
        ("keys[limited].key", False),
    ]


def test_what_comes_and_goes_is_marked(antiphon, good, tmp_path, text):
    other = tmp_path / "other.yaml"
    other.write_text(
        text.replace("  absent: {provider: openai}\n", "").replace("models: [quick, absent]", "models: [quick]")
    )
    ran = antiphon("config", "diff", good, other)
    assert '- models.absent.provider: "openai"' in ran.out.splitlines()
    assert '+ models.absent.provider: "openai"' in antiphon("config", "diff", other, good).out.splitlines()


def test_the_same_file_has_no_difference(antiphon, good):
    ran = antiphon("config", "diff", good, good)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("0 changes")


def test_the_schema_is_json(antiphon):
    told = json.loads(antiphon("config", "schema").out)
    assert told["$schema"].startswith("http://json-schema.org/draft-07/")
    assert "providers" in told["properties"]
