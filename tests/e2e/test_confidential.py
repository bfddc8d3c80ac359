"""Whatever labels, failures, retries, recipes, caches and reloads come together: no confidential byte reaches a public server.

Two real lab servers stand behind the gateway, one in public and one inside. Both record what they got.
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from antiphon.providers.lab.records import KEPT_REQUESTS
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings
from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import QUICK, Json
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.sdk import says
from rig.wait import until

pytestmark = pytest.mark.processes

FAST = 1e6
NUMBERS = count(1)
ROUTES = ("plain", "cached", "shared", "hedged", "panel", "cascade", "vote", "ruled", "asked", "shadowed", "chosen")
DIALECTS = ("chat", "messages", "responses", "gemini", "embeddings", "passthrough", "count")
LABELS = ("none", "header", "metadata", "found", "session", "asked_judge")


@pytest.fixture
def labs(servers: LoopThread) -> Iterator[tuple[Running, Running]]:
    """A public one that always works, and one inside that fails every third time."""
    model = LabModel(tokens_per_s=FAST, answer_tokens=5)
    shaky = LabModel(tokens_per_s=FAST, answer_tokens=5, faults=[FaultSettings(kind="error_500", percent=30)])
    contexts = [running(LabSettings(seed=3, models={"m": one, "n": one})) for one in (model, shaky)]
    yield (servers.enter(contexts[0]), servers.enter(contexts[1]))
    for context in contexts:
        servers.leave(context)


def config(public: str, private: str, version: int = 0) -> Config:
    """Routes that go out by every way there is, to public deployments first."""
    providers = {
        "out": {
            "profile": "compatible",
            "key": "k",
            "base_url": f"{public}/v1",
            "passthrough": {"enabled": True, "allow": ["* /**"]},
        },
        "in": {"profile": "compatible", "key": "k", "base_url": f"{private}/v1"},
    }
    models: Json = {
        "open-a": {"provider": "out", "model": "m", "priority": 0},
        "open-b": {"provider": "out", "model": "n", "priority": 1},
        "inside-a": {"provider": "in", "model": "m", "zone": "private", "priority": 2},
        "inside-b": {"provider": "in", "model": "n", "zone": "private", "priority": 3},
    }
    models = {name: {"price": {"input": 1, "output": 2}, "listed": False, **one} for name, one in models.items()}
    every = {"models": list(models)}
    recipes = {
        "panel": {"panel": {"members": ["open-a", "inside-a"], "judge": "open-b", "final": "open-b"}},
        "cascade": {"cascade": {"stages": [{"seat": "open-a"}, {"seat": "open-b"}, {"seat": "inside-a"}]}},
        "vote": {"vote": {"members": ["open-a", "open-b", "inside-b"]}},
    }
    routes: Json = {
        "plain": every,
        "cached": {**every, "cache": {"enabled": True, "any_temperature": True}},
        "shared": {**every, "coalesce": {"enabled": True}},
        "hedged": {**every, "hedge": {"enabled": True, "min_delay_s": 0.001, "max_delay_s": 0.002}},
        "panel": {**every, "recipe": "panel"},
        "cascade": {**every, "recipe": "cascade"},
        "vote": {**every, "recipe": "vote"},
        "ruled": {**every, "rules": [{"name": "long", "when": "text.words > 1", "models": ["open-a"]}]},
        "asked": {**every, "rules": [{"name": "yes", "when": "asked.odd == 'yes'", "models": ["open-b"]}]},
        "shadowed": {**every, "shadow": {"models": ["open-a", "inside-a"], "percent": 100}},
        "chosen": {**every, "objective": {"goal": "cheapest"}},
    }
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme", "passthrough": ["*"], "tags": [f"v{version}"]}],
        "providers": providers,
        "models": models,
        "routes": routes,
        "recipes": recipes,
        "signals": {"models": {"odd": {"model": "open-a", "ask": "Is it odd?", "choices": ["yes", "no"]}}},
        "guards": {
            "people": {"pii": {}, "action": "flag", "raises": "confidential"},
            "ask": {"model": {"model": "open-a", "question": "Is it bad?"}, "action": "flag", "failure": "open"},
        },
        "calls": {"retry": QUICK, "retry_budget": {"min_per_s": 100}},
        "storage": {"ship_interval_s": 0.05},
    }


def request(dialect: str, route: str, text: str, *, stream: bool, label: str) -> tuple[str, Json]:
    """The path and the body of a request."""
    more: Json = {"metadata": {"data_class": "confidential"}} if label == "metadata" else {}
    match dialect:
        case "messages" | "count":
            path = "/v1/messages" if dialect == "messages" else "/v1/messages/count_tokens"
            bound = {"max_tokens": 20, "stream": stream} if dialect == "messages" else {}
            return path, {"model": route, "messages": says(text), **bound, **more}
        case "responses":
            return "/v1/responses", {"model": route, "input": text, "stream": stream, **more}
        case "gemini":
            verb = "streamGenerateContent" if stream else "generateContent"
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
            return f"/v1beta/models/{route}:{verb}", body
        case "embeddings":
            return "/v1/embeddings", {"model": route, "input": text, **more}
        case "passthrough":
            return "/passthrough/out/chat/completions", {"model": "m", "messages": says(text), "stream": stream, **more}
        case _:
            return "/v1/chat/completions", {"model": route, "messages": says(text), "stream": stream, **more}


ASK = st.tuples(
    st.sampled_from(DIALECTS), st.sampled_from(ROUTES), st.booleans(), st.sampled_from(LABELS), st.integers(0, 2)
)


def got(lab: Running) -> str:
    """Everything that a lab was sent, headers and all."""
    return json.dumps([[one.body, one.headers, one.path] for one in lab.server._records.listed(None, KEPT_REQUESTS)])


def test_no_confidential_byte_reaches_a_public_server(
    start: Start, labs: tuple[Running, Running], servers: LoopThread
) -> None:
    public, private = labs
    gateway: Gateway = start(config(public.url, private.url), "--workers", "2")
    marks: list[str] = []
    sessions: set[str] = set()

    def ask(dialect: str, route: str, label: str, number: int, *, stream: bool) -> Any:
        mark = f"zq{next(NUMBERS):06d}qz"
        headers = {"x-antiphon-session": f"s{number}"} if label == "session" or number == 2 else {}
        text = f"Note {mark}, please"
        if label == "header":
            headers["x-antiphon-data-class"] = "confidential"
        if label == "found":
            text += " for erika.mustermann@example.org"
        session = headers.get("x-antiphon-session", "")
        secret = label in ("header", "metadata", "found") or session in sessions
        if label == "session":  # it begins with something confidential
            headers["x-antiphon-data-class"] = "restricted"
            secret = True
        if secret:
            marks.append(mark)
            sessions.update({session} - {""})
        path, body = request(dialect, route, text, stream=stream, label=label)
        return gateway.ask("POST", path, json.dumps(body).encode(), headers=headers)

    @settings(max_examples=25, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(st.lists(ASK, min_size=1, max_size=6), st.booleans())
    def explore(asks: list[tuple[str, str, bool, str, int]], reload: bool) -> None:
        if reload:
            before = len(gateway.events("config.taken"))
            gateway.write(config(public.url, private.url, version=next(NUMBERS)))
            until(lambda: len(gateway.events("config.taken")) >= before + 2, "the configuration is taken")
        for dialect, route, stream, label, number in asks:
            answer = ask(dialect, route, label, number, stream=stream)
            assert answer.status < 600

    explore()

    async def settled() -> None:
        await asyncio.sleep(0)

    servers.run(settled())
    sent = got(public)
    assert [mark for mark in marks if mark in sent] == []
    assert marks
    assert any(mark in got(private) for mark in marks)
