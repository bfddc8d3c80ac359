"""Receipts that are decided again give the same plan."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from antiphon.app.offline import Planner, planner
from antiphon.calls.story import Story
from antiphon.config.load import load
from antiphon.control.replan import replan
from antiphon.core.arrival import Arrival
from antiphon.core.body import Body
from antiphon.core.chance import Previous
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.request import Lineage, Request
from antiphon.core.view import Quality, Standing, View
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

MANY = 10_000
NAMES = ("small", "mid", "big", "eyes")
TEXTS = (
    "Hello there",
    "Fix the outage ASAP",
    "Solve x^2 + 3x = 4 and compute the integral of sin(x) dx",
    "Delete the production database and all backups",
    "Write a Python function `def f(x)` that sorts a list\n```python\nprint(1)\n```",
    "Translate this into German: the cat sat on the mat",
    "日本語で答えてください。この文章を要約して。",
    "Which one is right?\nA) one\nB) two\nC) three",
)
CONFIG: dict[str, Any] = {
    "providers": {"lab": {"lab": {"models": {name: {} for name in NAMES}}}},
    "models": {
        "small": {"provider": "lab", "tier": "fast", "price": {"input": 0.1, "output": 0.4}},
        "mid": {"provider": "lab", "tier": "balanced", "price": {"input": 1, "output": 4}},
        "big": {"provider": "lab", "tier": "premium", "price": {"input": 5, "output": 20}},
        "eyes": {"provider": "lab", "tier": "vision", "price": {"input": 2, "output": 8}},
    },
    "signals": {"keywords": {"urgent": {"any": ["asap", "outage"]}}},
    "scores": {
        "risk": {
            "add": [{"when": "text.code", "weight": 0.4}, {"of": "context.tokens", "per": 500, "weight": 0.6}],
            "bands": [{"name": "low", "below": 0.3}, {"name": "high"}],
        }
    },
    "recipes": {
        "ballot": {"vote": {"members": ["small", "mid", "big"]}},
        "steps": {"cascade": {"stages": [{"seat": "small"}, {"seat": "big"}]}},
    },
    "routes": {
        "r": {
            "models": ["small", "mid", "big"],
            "objective": {"goal": "cheapest", "quality_at_least": 0.6, "total_p95_s": 2, "scores_at_least": 5},
            "rules": [
                {"name": "urgent", "when": "keyword.urgent", "models": ["big", "mid"]},
                {"name": "maths", "when": "task.name == 'math'", "recipe": "ballot"},
                {"name": "risky", "when": "band.risk == 'high' && health.big", "tiers": ["premium"]},
                {"name": "good", "when": "quality.mid > 0.8", "models": ["mid"]},
                {"name": "seen", "when": "request.images > 0", "models": ["eyes"]},
                {"name": "choice", "when": "asks.choice", "recipe": "steps"},
            ],
            "escalate": {"impact": ["high"], "tiers": ["premium"]},
            "switch": {"worth_usd": 0.01},
            "split": [{"name": "canary", "percent": 20, "models": ["mid"]}],
            "shadow": {"models": ["big"], "percent": 30},
        },
        "plain": {"models": ["small", "mid"]},
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    file = tmp_path_factory.mktemp("replan") / "antiphon.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    return planner(load(file, {}))


def drawn(chance: random.Random, number: int) -> tuple[Request, dict[bytes, bytes]]:
    content: Any = chance.choice(TEXTS) * chance.choice((1, 1, 1, 9))
    if chance.random() < 0.1:
        content = [
            {"type": "text", "text": content},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ]
    body: dict[str, Any] = {"model": chance.choice(("r", "r", "r", "plain")), "messages": []}
    if chance.random() < 0.3:
        body["messages"] += [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    body["messages"].append({"role": "user", "content": content})
    if chance.random() < 0.4:
        body["max_tokens"] = chance.choice((10, 100, 1000))
    text = msgspec.json.encode(body)
    data = Body((text,))
    head, spots = CODECS["openai_chat"].read(data, Asked(endpoint="/v1/chat/completions"))
    session = f"s{number % 50}" if chance.random() < 0.5 else ""
    request = Request(head=head, body=data, spots=spots, digest=f"{number:064x}", lineage=Lineage(session=session))
    headers: dict[bytes, bytes] = {}
    if chance.random() < 0.2:
        headers[b"x-antiphon-objective"] = chance.choice((b"best", b"fastest", b"cheapest"))
    if chance.random() < 0.1:
        headers[b"x-antiphon-impact"] = chance.choice((b"low", b"high"))
    return request, headers


def view(chance: random.Random, at_ns: int) -> View:
    """What might be known of the deployments at some moment."""
    standings = {
        name: Standing(
            deployment=name,
            ready=chance.random() < 0.9,
            total_p50_s=chance.choice((None, 0.2, 1.0)),
            total_p95_s=chance.choice((None, 0.5, 3.0)),
        )
        for name in NAMES
    }
    qualities = {
        (name, "r"): (Quality(deployment=name, route="r", count=20, mean=chance.random(), low=0.1, high=0.9),)
        for name in NAMES
        if chance.random() < 0.7
    }
    return View(at_ns=at_ns, standings=standings, qualities=qualities)


async def decided(made: Planner, request: Request, headers: dict[bytes, bytes], number: int, seed: int) -> Receipt:
    """The receipt of a request that is planned as the gateway plans it."""
    arrival = Arrival(
        id=f"{number}",
        at_ns=1_800_000_000_000_000_000 + number,
        started_s=0.0,
        endpoint="/v1/chat/completions",
        dialect="openai_chat",
        headers=headers,
    )
    principal = Principal(tenant="acme", key="k", team="t")
    story = Story(arrival, made.revision.id, 0, 0.0, principal=principal, request=request)
    ruled = made.revision.ruled.get(request.head.model)
    story.seed = seed
    if ruled is not None and (request.head.model in made.revision.always or headers):
        assert made.revision.weigher is not None
        await made.revision.weigher.weigh(story, request, ruled)
    story.decided(made.decisions.find(story, request.head).plan, b"")
    return msgspec.json.decode(msgspec.json.encode(story.receipt(story.told("ok", 200))), type=Receipt)


async def test_ten_thousand_receipts_are_decided_again_without_one_difference(made: Planner) -> None:
    chance, others, plans = random.Random(6), list[str](), set[str]()

    for number in range(MANY):
        request, headers = drawn(chance, number)
        made.planning.views.view = view(chance, number)
        if chance.random() < 0.2:
            made.planning.sessions.answered("acme", f"s{number % 50}", chance.choice(NAMES[:3]), 900, number)
        receipt = await decided(made, request, headers, number, chance.getrandbits(32))
        assert receipt.plan is not None
        plans.add(receipt.plan.digest())
        if replan(receipt, made.revision, made.decisions).digest() != receipt.plan.digest():
            others.append(receipt.id)

    assert others == []
    assert len(plans) > 50


async def test_under_another_configuration_the_plan_may_be_another(made: Planner, tmp_path: Path) -> None:
    rules = [{"name": "all", "when": "true", "models": ["big"]}]
    changed = {**CONFIG, "routes": {**CONFIG["routes"], "r": {**CONFIG["routes"]["r"], "rules": rules}}}
    (tmp_path / "antiphon.yaml").write_text(yaml.safe_dump(changed))
    other = planner(load(tmp_path / "antiphon.yaml", {}))
    request, _ = drawn(random.Random(1), 1)
    text = msgspec.json.encode({"model": "r", "messages": [{"role": "user", "content": "Hello there"}]})
    head, spots = CODECS["openai_chat"].read(Body((text,)), Asked(endpoint="/v1/chat/completions"))
    request = msgspec.structs.replace(request, head=head, spots=spots, body=Body((text,)))
    made.planning.views.view = View()

    receipt = await decided(made, request, {}, 1, 7)

    assert receipt.plan is not None
    again = replan(receipt, other.revision, other.decisions)
    assert (receipt.plan.rule, again.rule) == ("", "all")
    assert again.steps[0].deployments == ("big",)


def test_a_receipt_without_a_plan_says_so(made: Planner) -> None:
    receipt = Receipt(id="r1", at_ns=1, outcome="refused", revision="x")

    with pytest.raises(BadRequest, match="r1 has no plan"):
        replan(receipt, made.revision, made.decisions)


def test_a_model_that_is_gone_is_told(made: Planner) -> None:
    plan = made.decisions.find(_story(), _head("plain")).plan
    receipt = Receipt(
        id="r1",
        at_ns=1,
        outcome="ok",
        revision="x",
        asked="gone",
        dialect="openai_chat",
        principal=Principal(tenant="acme", key="k"),
        plan=plan,
    )

    with pytest.raises(AntiphonError, match="no model 'gone'"):
        replan(receipt, made.revision, made.decisions)


def _head(model: str) -> Any:
    text = msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "Hi"}]})
    return CODECS["openai_chat"].read(Body((text,)), Asked(endpoint="/x"))[0]


def _story() -> Story:
    arrival = Arrival(id="a", at_ns=1, started_s=0.0, endpoint="/x", dialect="openai_chat")
    return Story(arrival, "rev", 0, 0.0, principal=Principal(tenant="acme", key="k"))


def test_who_answered_before_is_kept_with_the_receipt() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(Previous(deployment="mid", cached_tokens=5, at_ns=3)), type=Previous)

    assert kept == Previous(deployment="mid", cached_tokens=5, at_ns=3)
