"""Fakes of what agents rest on: a journal that replays, a mind by script, tools in Python, a gate that lets all pass."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.doors import Doors
from antiphon.agents.gate import Gate, Ruling
from antiphon.agents.journal import Driver, Ended, Interrupted, Journal, Parked
from antiphon.agents.loop.driver import LoopDriver
from antiphon.agents.mind import Ask, Mind, Said
from antiphon.agents.state import Action, Observation, State
from antiphon.core.approval import Approval, ApprovalState, Vote, Wish
from antiphon.core.clock import Clock
from antiphon.core.content import Text
from antiphon.core.content import ToolCall as Called
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.core.run import Mail, Run, RunEnvelope, RunEvent, Wait
from antiphon.core.tool import Origins, Tool, ToolCall, ToolContext, ToolResult, Tools
from antiphon.core.usage import Usage
from antiphon.recipes.schema import JsonSchema
from fakes.agent_store import MemoryRunStore
from fakes.clock import StoppedClock

ADA = Principal(tenant="acme", key="ada", user="ada")
OBJECT: dict[str, Any] = {"type": "object", "properties": {}}


class Crash(BaseException):
    """The process dies here."""


class ListedJournal(Journal):
    """Results in a list, as JSON; what stands there is given back and not done again."""

    def __init__(
        self,
        run: Run,
        kept: list[tuple[str, bytes]] | None = None,
        *,
        clock: Clock | None = None,
        crash_at: int | None = None,
    ) -> None:
        """`crash_at`: the process dies behind the work of that step, before its result is kept."""
        self._clock = clock or StoppedClock(10**9)
        self.run = run
        self.kept = [] if kept is None else kept
        self.told: list[tuple[str, Any]] = []
        self.at = 0
        self.crash_at = crash_at
        self.interrupts: list[Mail] = []
        self.works = 0

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if self.at < len(self.kept):
            known, raw = self.kept[self.at]
            assert known == name, f"a replay asks for {name!r} where {known!r} was done"
            self.at += 1
            return _given(raw)
        if self.interrupts:
            raise Interrupted(self.interrupts.pop(0))
        self.works += 1
        try:
            raw = json.dumps({"ok": await work()}).encode()
        except AntiphonError as error:
            raw = json.dumps({"error": [error.message, error.said_code]}).encode()
        if self.crash_at == self.at:
            raise Crash
        self.kept.append((name, raw))
        self.at += 1
        return _given(raw)

    async def steps(self, works: list[tuple[str, Callable[[], Awaitable[Any]]]]) -> list[Any]:
        came: list[Any] = []
        for name, work in works:
            try:
                came.append(await self.step(name, work))
            except AntiphonError as error:
                came.append(error)
        return came

    async def now_ns(self) -> int:
        async def work() -> int:
            return self._clock.now_ns()

        return int(await self.step("now", work))

    async def random(self) -> float:
        async def work() -> float:
            return 0.5

        return float(await self.step("random", work))

    def tell(self, kind: str, body: Any = None) -> None:
        self.told.append((kind, body))

    def aside(self, kind: str, body: Any = None) -> None:
        self.told.append((kind, body))

    async def mail(self) -> list[Mail]:
        return []


def _given(raw: bytes) -> Any:
    found = json.loads(raw)
    if "error" in found:
        raise AntiphonError(found["error"][0], code=found["error"][1])
    return found["ok"]


def says(text: str = "", *calls: tuple[str, Mapping[str, Any]], **more: Any) -> Said:
    """What a model says: a text, and calls by name and arguments."""
    return Said(
        text=text,
        calls=tuple(
            Called(id=f"c{place}-{name}", name=name, arguments=json.dumps(dict(arguments)))
            for place, (name, arguments) in enumerate(calls)
        ),
        usage=more.pop("usage", Usage(input_tokens=10, output_tokens=5)),
        cost_nano_usd=more.pop("cost_nano_usd", 1000),
        status=200,
        **more,
    )


PASSES = json.dumps({"judged": [{"criterion": place, "holds": True, "why": ""} for place in range(1, 20)]})
Script = Callable[[Ask], Said]


class ScriptedMind(Mind):
    """Says what its script says, by role; the verifier is content unless the script says otherwise."""

    def __init__(
        self, script: Mapping[str, Sequence[Said] | Script], *, most: tuple[int, int | None] = (100, 5000)
    ) -> None:
        self.script = {role: list(said) if not callable(said) else said for role, said in script.items()}
        self.asked: list[Ask] = []
        self._most = most

    async def ask(self, ask: Ask) -> Said:
        self.asked.append(ask)
        said = self.script.get(ask.role)
        if callable(said):
            return said(ask)
        if said:
            return said.pop(0)
        if ask.role == "verifier":
            return says(PASSES)
        if ask.role == "synthesis" and isinstance(acts := self.script.get("act"), list) and acts:
            return acts.pop(0)
        raise AssertionError(f"nothing is scripted for {ask.role}: {shown(ask)[-500:]}")

    def most(self, ask: Ask) -> tuple[int, int | None]:
        return self._most


def shown(ask: Ask) -> str:
    """All that a model was shown."""
    return "\n".join(
        part.text if isinstance(part, Text) else getattr(part, "arguments", "")
        for message in ask.messages
        for part in message.parts
    )


Work = Callable[..., Any]


class PythonTools(Tools):
    """Tools by name; each is a function of its arguments, whose calls are counted."""

    def __init__(self, *tools: tuple[Tool, Work]) -> None:
        self.tools = {tool.name: (tool, work) for tool, work in tools}
        self.made: list[tuple[str, dict[str, Any], str]] = []

    def get(self, name: str) -> Tool | None:
        found = self.tools.get(name)
        return None if found is None else found[0]

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.tools))

    def check(self, call: ToolCall) -> tuple[ToolCall, tuple[str, ...]]:
        faults = JsonSchema(self.tools[call.name][0].parameters).faults(call.arguments)
        return call, tuple(one.said for one in faults)

    async def call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        tool, work = self.tools[call.name]
        self.made.append((call.name, call.arguments, context.key))
        came = work(**call.arguments)
        if isinstance(came, ToolResult):
            return structs.replace(came, cost_nano_usd=came.cost_nano_usd or tool.cost_nano_usd)
        text = came if isinstance(came, str) else json.dumps(came)
        return ToolResult(text=text, data=came, cost_nano_usd=tool.cost_nano_usd)


def tool(name: str, work: Work, **more: Any) -> tuple[Tool, Work]:
    """A tool, pure unless said otherwise."""
    return (
        Tool(
            name=name,
            description=more.pop("description", f"Does {name}."),
            parameters=more.pop("parameters", OBJECT),
            effect=more.pop("effect", "pure"),
            **more,
        ),
        work,
    )


class OpenGate(Gate):
    """Lets all pass but destructive tools, which a person approves; labels are the tools' own."""

    def rule(self, action: Action, tool: Tool | None, state: State) -> Ruling:
        if tool is not None and tool.destructive:
            return Ruling(ruled="approve", reasons=("destructive",), say="it destroys")
        return Ruling(ruled="allow")

    def labelled(self, action: Action, tool: Tool | None, result: ToolResult, state: State) -> Origins:
        if tool is None:
            return result.origins
        return Origins(sources=(f"tool/{tool.name}",), untrusted=tool.untrusted, private=tool.private)

    def shown(self, observation: Observation, state: State) -> str:
        return f"<data>{observation.text}</data>" if observation.origins.untrusted else observation.text


class Desk(Approvals):
    """Approvals in a dictionary."""

    def __init__(self) -> None:
        self.all: dict[str, Approval] = {}
        self.used: list[str] = []

    async def ask(self, wish: Wish) -> Approval:
        for one in self.all.values():
            if one.wish.digest == wish.digest and one.state == "waiting":
                return one
        made = Approval(id=f"a{len(self.all) + 1}", at_ns=0, wish=wish)
        self.all[made.id] = made
        return made

    async def find(self, tenant: str, approval_id: str) -> Approval | None:
        return self.all.get(approval_id)

    async def wait(self, tenant: str, approval_id: str, until_s: float) -> Approval:
        return self.all[approval_id]

    async def use(self, tenant: str, approval_id: str) -> bool:
        self.used.append(approval_id)
        return True

    def say(self, approval_id: str, state: ApprovalState, *, note: str = "", instead: Any = None) -> None:
        """What a person says."""
        found = self.all[approval_id]
        vote = Vote(by="user/eve", at_ns=0, state=state, note=note)
        raw = b"" if instead is None else json.dumps(instead).encode()
        self.all[approval_id] = structs.replace(found, state=state, votes=(vote,), instead=raw)


def agent(name: str = "clerk", version: str = "1", **spec: Any) -> AgentDocument:
    """A document; verification by a model is off unless it is asked for."""
    given = {"goal": "Do clerical work.", "tools": ["*"], "verify": {"model": False}, "safety": {"plan_lock": False}}
    made = msgspec.convert({**given, **spec}, AgentSpec)
    return AgentDocument(metadata=Metadata(name=name, version=version), spec=made)


class House:
    """Runs of some agents on fakes: begins, drives, crashes, answers."""

    def __init__(
        self,
        mind: Mind,
        *tools: tuple[Tool, Work],
        agents: Sequence[AgentDocument] = (),
        driver: Callable[[Doors], Driver] = LoopDriver,
        **doors: Any,
    ) -> None:
        self.mind, self.tools, self.desk, self.clock = mind, PythonTools(*tools), Desk(), StoppedClock(10**9)
        self.store = MemoryRunStore()
        shelf: dict[str, dict[str, AgentDocument]] = {}
        for one in agents or (agent(),):
            shelf.setdefault(one.name, {})[one.version] = one
        self.doors = Doors(
            **{
                "mind": mind,
                "tools": self.tools,
                "gate": lambda document, principal: OpenGate(),
                "store": self.store,
                "approvals": self.desk,
                "shelf": lambda: Shelf(agents=shelf),
                "clock": self.clock,
                "worker": "w1",
                **doors,
            }
        )
        self.driver = driver(self.doors)
        self.journals: dict[tuple[str, int], list[tuple[str, bytes]]] = {}
        self.last: ListedJournal | None = None

    def begin(
        self, given: Any = "Do it.", name: str = "clerk", envelope: RunEnvelope | None = None, **more: Any
    ) -> Run:
        """A run that was taken from the queue."""
        run = Run(
            id=more.pop("id", f"run{len(self.store.runs) + 1}"),
            tenant="acme",
            agent=name,
            version="1",
            principal=ADA,
            created_ns=0,
            input=json.dumps(given).encode(),
            envelope=envelope or RunEnvelope(),
            **more,
        )
        run = structs.replace(run, root=run.root or run.id)
        return self.store.begin(run)

    async def segment(self, run: Run, mail: Sequence[Mail] = (), *, crash_at: int | None = None) -> Ended | Wait:
        """Drive one segment of a run, or replay it, and keep how it ended or what it waits for."""
        kept = self.journals.setdefault((run.id, run.segment), [])
        self.last = ListedJournal(run, kept, clock=self.clock, crash_at=crash_at)
        try:
            ended = await self.driver.drive(self.last, run, list(mail))
        except Parked as parked:
            self._save(structs.replace(run, status="waiting", wait=parked.wait, state=parked.state))
            return parked.wait
        finally:
            seq = len(self.store.events.get(run.id, ()))
            self.store.tell(
                [
                    RunEvent(run=run.id, seq=seq + place, at_ns=0, kind=kind, body=json.dumps(body).encode())
                    for place, (kind, body) in enumerate(self.last.told, 1)
                ]
            )
        self._save(
            structs.replace(
                run,
                status=ended.status,
                stop=ended.stop,
                why=ended.why,
                result=ended.result,
                state=ended.state,
                wait=None,
            )
        )
        return ended

    def _save(self, run: Run) -> None:
        assert self.store.save(run, run.segment, ("queued", "running", "waiting"))

    async def go_on(self, run: str, *mail: Mail, crash_at: int | None = None) -> Ended | Wait:
        """The next segment of a run that waits."""
        found = self.store.runs[run]
        assert found.status == "waiting", found.status
        after = structs.replace(found, status="running", segment=found.segment + 1)
        self.store.runs[run] = after
        return await self.segment(after, mail, crash_at=crash_at)

    def answer(self, run: str, body: Any, kind: Any = "answer", by: str = "user/eve") -> Mail:
        """Mail that ends the wait of a run."""
        wait = self.store.runs[run].wait
        assert wait is not None
        return self.answer_to(run, wait.key, body, kind, by)

    async def settled(self, run: str) -> Ended | Wait:
        """Go on with a run whose approval was settled."""
        return await self.go_on(run, self.answer(run, {}, kind="approval", by="antiphon"))

    def answer_to(self, run: str, key: str, body: Any, kind: Any = "answer", by: str = "user/eve") -> Mail:
        """Mail that ends a wait of this key."""
        raw = json.dumps(body).encode()
        return Mail(id=f"m{run}{key}{kind}", run=run, tenant="acme", kind=kind, at_ns=0, by=by, key=key, body=raw)

    def say(self, run: str, text: str) -> None:
        """Say something to a run while it works."""
        mail = self.answer_to(run, "", text, kind="message")
        self.store.post(structs.replace(mail, id=f"said{len(self.store.mails)}"))

    def state(self, run: str) -> State:
        """As it was kept last."""
        return msgspec.json.decode(self.store.runs[run].state, type=State)

    async def finish(self, run: Run, most: int = 100) -> Run:
        """Drive a run and its children to the end, where none waits for people."""
        await self.segment(run)
        for _ in range(most):
            todo = [one for one in self.store.runs.values() if one.status == "queued"]
            for one in todo:
                await self.segment(structs.replace(one, status="running"))
            for one in list(self.store.runs.values()):
                wait = one.wait
                if one.status == "waiting" and wait is not None and wait.kind == "children":
                    if all(self.store.runs[child].ended for child in wait.children):
                        await self.go_on(one.id)
                elif one.status == "waiting" and wait is not None and wait.kind == "timer":
                    await self.go_on(one.id)
            if self.store.runs[run.id].status not in ("queued", "running") and not todo:
                found = self.store.runs[run.id]
                if found.ended or (found.wait is not None and found.wait.kind not in ("children", "timer")):
                    return found
        raise AssertionError("it never ends")
