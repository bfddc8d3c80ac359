import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.config.show import show, shown
from antiphon.config.walk import walk

Load = Callable[..., Loaded]


def test_defaults_are_filled_in(loaded: Load) -> None:
    tree = shown(loaded("server: {port: 9000}"))
    assert list(tree) == list(Settings.__struct_fields__)
    server = tree["server"]
    assert isinstance(server, dict)
    assert (server["port"], server["host"], server["tls"]) == (9000, "127.0.0.1", None)


def test_every_top_level_setting_is_shown(loaded: Load) -> None:
    text = show(loaded(""))
    for setting in walk(Settings):
        if setting.path.count(".") == 1 and "<name>" not in setting.path and "[]" not in setting.path:
            section, name = setting.path.split(".")
            assert f"\n{section}: null\n" in text or f"  {name}:" in text


def test_the_head_names_file_and_revision(loaded: Load) -> None:
    one = loaded("")
    assert show(one).splitlines()[0] == f"# antiphon.yaml, revision {one.revision.id}"


def test_it_is_json_too(loaded: Load) -> None:
    json.dumps(shown(loaded("providers: {openai: {key: sk-0123456789}}")))


def test_what_is_shown_loads_to_the_same_settings(loaded: Load) -> None:
    text = """\
providers: {lab: {lab: {models: {a: {quality: {default: 0.5}, faults: [{kind: hang, requests: [1, 2]}]}}}}}
models: {a: {provider: lab, region: "no", tier: "on", price: {input: 1, output: 2}}}
routes: {r: {models: [a], prompt: p, description: "1e3"}}
prompts: {p: {text: "line: one\\n  ${env:X} $${env:Y}\\n\\tend "}}
"""
    one = loaded(text, {"X": "~"})
    again = loaded(show(one))
    assert again.settings == one.settings


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp")), min_size=1))
@settings(deadline=None)
def test_any_text_is_shown_so_that_it_loads_again(loaded: Load, text: str) -> None:
    first = loaded("prompts: {p: {text: '${env:X}'}}", {"X": text})
    assert loaded(show(first)).settings.prompts["p"].text == text
