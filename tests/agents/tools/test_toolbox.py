import asyncio
from typing import Any

import pytest
from toolery import ANN, Bench, bench, context, shelf, tool

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.grip import Handling
from antiphon.core.error import EgressRefused, UpstreamBroken, UpstreamUnreachable
from antiphon.core.principal import Principal
from antiphon.core.tool import Tool, ToolCall, ToolContext, ToolResult

ANY: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "integer"}}}
ECHO = {"answers": [{"result": {"x": "{x}"}}]}


class Scripted(Hand):
    """Does one thing after another."""

    def __init__(self, *does: Any, **labels: Any) -> None:
        self.tool = Tool(name="scripted", description="", parameters=ANY, **labels)
        self._does = list(does)
        self.calls = 0
        self.keys: list[str] = []

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        self.calls += 1
        self.keys.append(context.key)
        one = self._does.pop(0)
        if isinstance(one, Exception):
            raise one
        return one if isinstance(one, ToolResult) else ToolResult(text=str(one), data=one)


def holding(hand: Hand, **how: Any) -> Bench:
    made = bench()
    made.box.put("test", [(hand, Handling(**how))])
    return made


@pytest.mark.parametrize("effect", ["pure", "idempotent"])
async def test_what_may_be_called_twice_is_called_again_with_the_same_key(effect: Any) -> None:
    hand = Scripted(ToolFailed("unavailable", "no", retryable=True, unknown=True), "done", effect=effect)
    made = holding(hand)
    result = await made.call("scripted", key="run.7")
    assert (result.failed, result.text, hand.keys) == ("", "done", ["run.7", "run.7"])
    assert len(made.clock.pauses) == 1


@pytest.mark.parametrize(
    ("failure", "calls", "code"),
    [
        (ToolFailed("unavailable", "broke off", retryable=True, unknown=True), 1, "unknown"),
        (UpstreamBroken("gone"), 1, "unknown"),
        (RuntimeError("who knows"), 1, "unknown"),
        (ToolFailed("unavailable", "not taken", retryable=True), 2, ""),
        (UpstreamUnreachable("no connection"), 2, ""),
        (EgressRefused("no"), 1, "egress_refused"),
        (ToolFailed("refused", "no"), 1, "refused"),
    ],
)
async def test_an_at_most_once_tool_is_called_again_only_where_nothing_left(
    failure: Exception, calls: int, code: str
) -> None:
    hand = Scripted(failure, "done", effect="at_most_once", cost_nano_usd=5)
    result = await holding(hand).call("scripted")
    assert (hand.calls, result.failed) == (calls, code)
    assert result.cost_nano_usd == (0 if code in {"egress_refused", "refused"} else 5)


async def test_retries_end_with_the_deadline() -> None:
    hand = Scripted(*[ToolFailed("unavailable", "no", retryable=True)] * 9, effect="pure", timeout_s=0.5)
    made = holding(hand, retries=8)
    result = await made.call("scripted")
    assert result.failed == "unavailable"
    assert sum(made.clock.pauses) < 0.5
    assert 1 < hand.calls < 9


async def test_a_call_without_an_answer_ends_at_its_deadline_and_is_known_as_unknown() -> None:
    class Hangs(Hand):
        tool = Tool(name="scripted", description="", parameters=ANY, timeout_s=0.01)

        async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
            await asyncio.Event().wait()
            raise AssertionError

    result = await holding(Hangs()).call("scripted")
    assert (result.failed, result.unknown) == ("unknown", True)


async def test_a_tool_that_keeps_failing_is_left_alone_and_then_tried_again() -> None:
    no = ToolFailed("unavailable", "no", retryable=True)
    hand = Scripted(*[no] * 5, "done", effect="pure")
    made = holding(hand, retries=0)
    for _ in range(5):
        await made.call("scripted")
    assert (await made.call("scripted")).text == "scripted failed too often and is left alone for a while."
    assert hand.calls == 5
    made.clock.at_s += 120
    assert (await made.call("scripted")).text == "done"


async def test_wrong_arguments_never_reach_the_tool_nor_its_breaker() -> None:
    hand = Scripted("done")
    made = holding(hand)
    call = ToolCall(id="c", name="scripted", arguments={"x": "many"})
    assert made.box.check(call)[1]
    result = await made.box.call(call, context(made.clock))
    assert (result.failed, hand.calls) == ("invalid_arguments", 0)


async def test_calls_at_once_are_bounded_and_others_wait() -> None:
    class Counts(Hand):
        tool = Tool(name="scripted", description="", parameters=ANY)
        now = most = 0

        async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return ToolResult(text="ok")

    hand = Counts()
    made = holding(hand, concurrency=2)
    results = await asyncio.gather(*(made.call("scripted", key=str(one)) for one in range(8)))
    assert hand.most == 2
    assert all(one.text == "ok" for one in results)


async def test_pure_results_are_kept_by_tenant_and_arguments_for_a_while() -> None:
    hand = Scripted(1, 2, 3, 4, effect="pure", cache_s=60, cost_nano_usd=7)
    made = holding(hand)
    first = await made.call("scripted", x=1)
    again = await made.call("scripted", x=1, principal=Principal(tenant="acme", key="bob"))
    other = await made.call("scripted", x=1, principal=Principal(tenant="globex", key="eve"))
    assert (first.data, again.data, other.data) == (1, 1, 2)
    assert (first.cached, again.cached, again.cost_nano_usd) == (False, True, 0)
    assert (await made.call("scripted", x=2)).data == 3
    made.clock.at_s += 61
    assert (await made.call("scripted", x=1)).data == 4


async def test_what_depends_on_who_asks_is_kept_for_that_one_alone() -> None:
    hand = Scripted(1, 2, effect="pure", cache_s=60)
    hand.personal = True
    made = holding(hand)
    assert (await made.call("scripted", x=1)).data == 1
    assert (await made.call("scripted", x=1, principal=Principal(tenant="acme", key="bob"))).data == 2


async def test_a_tenant_cannot_push_out_what_is_kept_of_another() -> None:
    hand = Scripted(*range(20), effect="pure", cache_s=60)
    made = holding(hand)
    mine = await made.call("scripted", x=0)
    for one in range(10):
        await made.call("scripted", x=one, principal=Principal(tenant="globex", key="eve"))
    assert (await made.call("scripted", x=0)).data == mine.data


async def test_a_tenants_tool_is_there_for_that_tenant_alone() -> None:
    made = bench(tool("own", tenant="acme", effect="pure", simulated=ECHO))
    assert (await made.call("own", x=1)).data == {"x": 1}
    assert (await made.call("own", x=1, principal=Principal(tenant="globex", key="eve"))).failed == "not_found"


async def test_a_result_is_held_to_its_schema_where_nothing_was_changed() -> None:
    number = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    pure = Scripted({"n": "x"}, {"n": 1}, effect="pure", result=number)
    assert (await holding(pure).call("scripted")).data == {"n": 1}
    acts = Scripted({"n": "x"}, effect="at_most_once", result=number)
    result = await holding(acts).call("scripted")
    assert (result.failed, acts.calls) == ("", 1)
    assert "schema" in result.text


async def test_a_result_is_never_longer_than_any_may_be() -> None:
    result = await holding(Scripted(ToolResult(text="ä" * 2_000_000, data="x" * 2_000_000))).call("scripted")
    assert result.cut
    assert len(result.text.encode()) <= 1_048_576
    assert result.data is None


async def test_cancelling_a_call_cancels_the_tool_and_frees_its_place() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    class Waits(Hand):
        tool = Tool(name="scripted", description="", parameters=ANY)

        async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

    made = holding(Waits(), concurrency=1)
    running = asyncio.create_task(made.call("scripted"))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    made.box.put("test", [(Scripted("ok"), Handling())])
    assert (await made.call("scripted")).text == "ok"


async def test_calls_are_told_of() -> None:
    made = holding(Scripted("ok", ToolFailed("refused", "no"), cost_nano_usd=3))
    await made.call("scripted")
    await made.call("scripted")
    assert [(one.outcome, one.failed, one.cost_nano_usd) for one in made.heard.all] == [
        ("ok", "", 3),
        ("failed", "refused", 0),
    ]


def test_two_sources_cannot_have_one_name_and_a_bad_schema_is_told() -> None:
    made = bench(tool("scripted", effect="pure", simulated=ECHO))
    bad = Scripted("x")
    bad.tool = Tool(
        name="bad", description="", parameters={"type": "object", "properties": {"a": {"$ref": "http://e/x"}}}
    )
    made.box.put("mcp/x", [(Scripted("x"), Handling()), (bad, Handling())])
    assert made.box.names() == ("scripted",)
    assert set(made.box.unready) == {"scripted", "bad"}


def test_documents_that_stay_the_same_keep_their_tools_and_those_that_go_take_theirs() -> None:
    one, two = tool("one", effect="pure", simulated=ECHO), tool("two", effect="pure", simulated=ECHO)
    made = bench(one, two)
    before = made.box.get("one")
    made.workshop.know(shelf(one))
    assert made.box.get("one") is before
    assert made.box.names() == ("one",)


async def test_simulated_tools_fail_as_scheduled_and_the_same_by_seed() -> None:
    faults = [{"kind": "unavailable", "attempts": [2]}, {"kind": "failed", "percent": 40}]
    spec: dict[str, Any] = {
        "effect": "pure",
        "retries": 0,
        "simulated": {**ECHO, "faults": faults, "delay_s": [0.0], "seed": 3},
    }

    async def story() -> list[str]:
        made = bench(tool("sim", **spec))
        return [(await made.call("sim", key=f"run.{one}", x=one)).failed for one in range(30)]

    first = await story()
    assert first == await story()
    assert first[1] == "unavailable"
    assert 4 < first.count("failed") < 22


async def test_a_simulated_tool_says_so_and_stands_in_for_a_real_one() -> None:
    made = bench(
        tool(
            "crm",
            http={"url": "https://crm.example/customers/{id}"},
            parameters={"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
            simulated={
                "answers": [{"arguments": {"id": 1}, "result": {"id": "{id}", "name": "Ann"}}, {"result": "no {id}"}]
            },
        ),
        parts={"transport": object()},
    )
    result = await made.call("crm", id="1")
    assert (result.data, result.simulated) == ({"id": 1, "name": "Ann"}, True)
    assert (await made.call("crm", id=2)).text == "no 2"
    found = made.box.get("crm")
    assert found is not None
    assert (found.effect, found.simulated) == ("pure", True)


async def test_what_a_lost_answer_leaves_is_for_a_person_to_say() -> None:
    made = bench(tool("pay", simulated={"faults": [{"kind": "lost", "attempts": [1]}]}))
    assert (await made.call("pay", principal=ANN)).failed == "unknown"
