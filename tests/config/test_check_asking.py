"""Mistakes in who is asked: models, services, people."""

from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]
TEXT = """\
providers: {openai: {key: sk-0123456789}}
models: {one: {provider: openai}}
"""
MODEL = "model: {model: one, question: Is it?}"
HOOK = "webhook: {url: 'https://rules.example/check'}"


@pytest.mark.parametrize(
    "guard",
    [
        MODEL,
        f"{MODEL}, action: approve, raises: confidential",
        "model: {model: tier/fast, question: Is it?, when: beside}, action: flag, answer_action: block",
        HOOK,
        f"{HOOK}, on: [answer], action: flag",
        "webhook: {url: 'http://127.0.0.1:9/x', zone: private}, action: route_private",
        "webhook: {url: 'http://rules:9/x', zone: private, networks: [10.0.0.0/8]}",
    ],
)
def test_guards_that_can_do_what_they_say_are_taken(loaded: Load, guard: str) -> None:
    assert loaded(f"{TEXT}guards: {{g: {{{guard}}}}}\n")


@pytest.mark.parametrize(
    ("guard", "path", "wrong"),
    [
        ("model: {model: two, question: Is it?}", "model.model", "there is no model two"),
        (f"{MODEL}, action: mask", "action", "is not edited"),
        (f"{HOOK}, answer_action: rewrite", "answer_action", "is not edited"),
        (f"{HOOK}, actions: {{email: mask}}", "actions.email", "is not edited"),
        ("webhook: {url: 'https://r.example', when: beside}, action: approve", "action", "comes too late"),
        ("webhook: {url: 'https://r.example', when: beside}, raises: internal", "raises", "can't be raised"),
        ("webhook: {url: 'ftp://r.example'}", "webhook.url", "neither http"),
        ("webhook: {url: 'https://r.example', headers: {'a b': x}}", "webhook.headers.a b", "not a header"),
        ("webhook: {url: 'https://r.example', zone: private}", "webhook.zone", "in which networks r.example is"),
        ("webhook: {url: 'https://r.example', networks: [10.0.0.0/99]}", "webhook.networks[0]", "is no network"),
        ("webhook: {url: 'https://r.example', ca_file: /none}", "webhook.ca_file", "/none"),
    ],
)
def test_what_they_can_not_do_is_told(mistakes: Mistakes, guard: str, path: str, wrong: str) -> None:
    found = [one for one in mistakes(f"{TEXT}guards: {{g: {{{guard}}}}}\n") if wrong in one.wrong]
    assert [one.path.replace('"', "") for one in found] == [f"guards.g.{path}"]


@pytest.mark.parametrize(
    ("approvals", "path", "wrong"),
    [
        ("{escalate_s: 100, expires_s: 50}", "escalate_s", "is not before"),
        ("{link: 'https://x.example'}", "link", "does not say which"),
        ("{approvers: auditor}", "approvers", "may not approve"),
        ("{escalate_to: nobody}", "escalate_to", "may not approve"),
        ("{notify: [{url: 'ftp://x'}]}", "notify[0].url", "neither http"),
    ],
)
def test_how_people_are_asked_is_checked(mistakes: Mistakes, approvals: str, path: str, wrong: str) -> None:
    (found,) = mistakes(f"{TEXT}approvals: {approvals}\n")
    assert found.path == f"approvals.{path}"
    assert wrong in found.wrong
