"""Whole decisions of routes: rules, candidates and an objective, also with the facts of a real request of 1 KB."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from antiphon.config.check_rules import check_rules
from antiphon.config.convert import convert
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.body import Body
from antiphon.core.chance import Likely
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.signal import Declared, Fact, Facts, Value
from antiphon.core.view import Quality, Slice, Standing
from antiphon.providers.profiles import PROFILES
from antiphon.routing.decide import decide
from antiphon.routing.environment import environment
from antiphon.routing.program import Program, program
from antiphon.routing.roster import Roster
from antiphon.routing.route import Route
from antiphon.routing.settings_rules import RuledSettings
from antiphon.signals.about import About
from antiphon.signals.catalogue import environment as catalogue
from antiphon.signals.extractor import Extractor
from antiphon.signals.settings import SignalSettings
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.yaml import compose

REQUEST_BYTES = 1024
KEYWORDS = [f"{word} {number}" for number, word in enumerate(["outage", "refund", "breach", "lawsuit", "urgent"] * 10)]
WORDS = "the invoice for our last order shows two amounts and they want to know which of them is right".split()  # noqa: SIM905
NAMES = [f"model-{number}" for number in range(6)]
MEMBERS = {
    name: Deployment(name=name, provider="p", model=name, tier=("fast", "balanced", "premium")[at % 3])
    for at, name in enumerate(NAMES)
}
LIKELY = {name: Likely(1000 * (at + 1), 500 * (at + 1), 2000 * (at + 1)) for at, name in enumerate(NAMES)}
SEEN = Slice(
    standings=tuple(
        Standing(deployment=name, first_token_p95_s=0.5, total_p50_s=1.0 + at, total_p95_s=3.0 + at)
        for at, name in enumerate(NAMES)
    ),
    qualities=tuple(
        Quality(deployment=name, route="auto", count=100, mean=0.5 + at / 20, low=0.4, high=1.0)
        for at, name in enumerate(NAMES)
    ),
)
OBJECTIVE = {"goal": "cheapest", "quality_at_least": 0.6, "total_p95_s": 7}
TEN = [
    "keyword.alarm && request.bytes < 500",
    "tools.count > 4 || tools.required",
    "context.tokens > 100000",
    "context.tokens > 8000 && tools.count > 0",
    "request.bytes > 200000",
    "request.images > 0 && request.bytes > 4000",
    "keyword.alarm.count >= 3",
    "tools.count == 1 && keyword.alarm",
    "keyword.alarm && context.tokens > 2000",
    "context.tokens < 1000 && tools.count == 0",
]
"""Over size, tokens, tools and keywords; the last one holds."""


class Known(Facts):
    """Facts that are worked out."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def value(self, name: str) -> Value:
        return self._values[name]

    def fact(self, name: str) -> Fact:
        return Fact(name=name, value=self._values[name])

    def told(self) -> tuple[Fact, ...]:
        return ()


def made(texts: Sequence[str], facts: Mapping[str, Declared], objective: dict[str, Any] | None) -> Program:
    """A route of six candidates, with a rule for each text."""
    rules = [{"name": f"r{at}", "when": text, "tiers": ["fast", "balanced"]} for at, text in enumerate(texts)]
    settings = msgspec.convert({"rules": rules, "objective": objective}, RuledSettings)
    roster = Roster(deployments=MEMBERS)
    own = Route(name="auto", deployments=tuple(MEMBERS.values()))
    return program(own, settings, roster=roster, env=environment(facts, MEMBERS, {}))


def ten_rules(objective: dict[str, Any] | None) -> Callable[[], object]:
    """Facts and decision of a request of 1 KB by ten rules; nothing of one call is kept for the next."""
    settings = msgspec.convert({"keywords": {"alarm": {"any": KEYWORDS}}}, SignalSettings)
    route, extractor, request = made(TEN, catalogue(settings), objective), Extractor(settings), _request()
    extractor.prepare(route.asks)
    principal = Principal(tenant="t", key="k")

    def one() -> object:
        return decide(
            route, extractor.facts(About(request=request, principal=principal)), SEEN, seed=1, now_ns=0, likely=LIKELY
        )

    assert one().rule == "r9"  # type: ignore[attr-defined]
    return one


def many_rules(
    texts: Sequence[str],
    facts: Mapping[str, Declared],
    requests: Sequence[Mapping[str, Value]],
    objective: dict[str, Any] | None,
) -> Callable[[], object]:
    """Decisions of many requests whose facts are known."""
    route = made(texts, facts, objective)
    known = [Known(one) for one in requests]
    return lambda: [decide(route, one, SEEN, seed=1, now_ns=0, likely=LIKELY) for one in known]


def checked(texts: Sequence[str]) -> Callable[[], object]:
    """The check of a configuration's rules, as `antiphon config check` makes it after it has read the file."""
    rules = [{"name": f"r{at}", "when": text, "models": ["m"]} for at, text in enumerate(texts)]
    said = {
        "providers": {"lab": {"lab": {"models": {"m": {}}}}},
        "models": {"m": {"provider": "lab"}},
        "routes": {"auto": {"models": ["m"], "rules": rules}},
    }
    tree, _ = compose(json.dumps(said), "bench.yaml")
    read = convert(tree, Settings, "bench.yaml")
    assert read.value is not None
    settings, written = read.value, Written(file="bench.yaml", tree=tree, broken=read.broken)
    return lambda: list(check_rules(settings, written, PROFILES))


def _request() -> Request:
    chance = random.Random(1)
    text = ""
    while len(text) < REQUEST_BYTES - 100:
        text += chance.choice(WORDS) + " "
    said = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 200}
    raw = json.dumps(said).encode()
    body = Body((raw,))
    head, spots = CODECS["openai_chat"].read(body, Asked(endpoint="/v1/chat/completions"))
    return Request(head=head, body=body, spots=spots, digest=sha256(raw).hexdigest())
