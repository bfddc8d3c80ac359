"""Model calls of the loop: by role, paid from the envelope before, written down after."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import Role
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.context import text
from antiphon.agents.loop.offer import agent_tools, offered
from antiphon.agents.loop.scene import Scene, Stopped, merged
from antiphon.agents.loop.shapes import mapping
from antiphon.agents.mind import Ask, Said
from antiphon.agents.state import State
from antiphon.core.content import Message, ResponseFormat
from antiphon.core.content import Tool as ToolShown
from antiphon.core.data_class import highest
from antiphon.core.error import AntiphonError
from antiphon.core.run import Mail, Stop, Use, Wait
from antiphon.core.tool import Origins

MODEL_S = 120.0
"""The longest that one call may take."""
WAITS_S = (5.0, 30.0, 120.0)
"""Before a call that failed is made again, where it may go well later. The gateway has tried all it can by then."""


PEOPLE = ("user/", "key/")
"""How `Mail.by` of those begins who say something to a run; an agent's is `run/ID`."""
MOST_SAID = 50
"""Messages of people that are kept as their words."""


class Thought(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model call as it is written down."""

    said: Said = Said()
    short: Stop | None = None
    """The bound that it didn't fit; nobody was asked then."""
    off: str = ""
    """What is switched off, so that nobody was asked."""
    killed: bool = False
    gone: str = ""
    """Why whoever began the run may call no more, so that nobody was asked."""
    say: str = ""
    """More of a bound that it didn't fit."""
    used: Use = Use()
    heard: tuple[Mail, ...] = ()
    """Messages to the run that came meanwhile."""
    alone: tuple[str, ...] = ()
    """Tools among those called that may not be begun beside others."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a call is for."""

    role: Role
    key: str
    messages: tuple[Message, ...]
    steps: int = 0
    """Turns of the loop that it counts as."""
    tools: bool = False
    """The agent's tools, and the loop's own, are offered."""
    more: tuple[ToolShown, ...] = ()
    schema: dict[str, Any] | None = None
    """The form of its answer, JSON."""
    listens: bool = False
    """Messages to the run are read first."""
    origins: Origins = Origins()
    """Of what it is shown beside what the agent has seen."""


async def think(scene: Scene, wanted: Wanted) -> Thought:
    """Ask a model; one that fails is asked again later, or given up.

    Raises: Stopped, Parked, Interrupted.
    """
    state = scene.state
    key = f"{wanted.key}~{state.tries}" if state.tries else wanted.key
    thought = await scene.step(f"model {wanted.role} {key}", Thought, lambda: _ask(scene, wanted, key))
    if thought.gone:
        raise Stopped("revoked", thought.gone)
    if thought.off:
        raise Stopped("killed" if thought.killed else "refused", thought.off)
    if thought.short is not None:
        why = thought.say or f"the envelope has no room for another call of a model: {thought.short}"
        raise Stopped(thought.short, why)
    scene.used(thought.used)
    said = thought.said
    scene.tell("model", _told(wanted, key, said))
    state.heard = tuple(mail.id for mail in thought.heard)
    if not said.failed:
        state.tries = 0
        state.notes.pop("approval", None)
        return thought
    await _failed(scene, wanted, key, said)
    return await think(scene, wanted)


async def think_all(scene: Scene, wanted: list[Wanted]) -> list[Thought]:
    """Ask at once, as many as the fan-out allows. What fails, or doesn't fit, is in what is given back: none is asked again.

    Raises: Interrupted, StoreError.
    """
    came: list[Thought] = []
    most = scene.run.envelope.fan_out
    for at in range(0, len(wanted), most):
        works = [(f"model {one.role} {one.key}", _asking(scene, one)) for one in wanted[at : at + most]]
        came += await scene.steps(Thought, works)
    for one, thought in zip(wanted, came, strict=True):
        scene.used(thought.used)
        scene.tell("model", _told(one, one.key, thought.said))
    return came


def _asking(scene: Scene, wanted: Wanted) -> Callable[[], Awaitable[Thought]]:
    async def work() -> Thought:
        return await _ask(scene, wanted, wanted.key)

    return work


async def _failed(scene: Scene, wanted: Wanted, key: str, said: Said) -> None:
    """Go on from a call that failed. Returns where it is to be made again at once. Raises: Stopped, Parked."""
    state = scene.state
    state.tries += 1
    data = mapping(said.data)
    if said.failed == "approval_pending" and data.get("approval"):
        state.notes["approval"] = data["approval"]
        scene.park(Wait(kind="approval", key=key, approval=str(data["approval"])))
    if said.retryable and state.tries <= len(WAITS_S):
        now_ns = await scene.journal.now_ns()
        scene.park(Wait(kind="timer", key=key, until_ns=now_ns + round(WAITS_S[state.tries - 1] * 1e9)))
    if wanted.role == "act" and scene.model("act") != scene.spec.models.get("escalation", scene.model("act")):
        state.notes["escalated"] = True
        return
    raise Stopped(
        "refused" if said.status in (401, 402, 403) else "error", f"{wanted.role}: {said.failed}: {said.text}"
    )


async def _ask(scene: Scene, wanted: Wanted, key: str) -> Thought:
    if gone := scene.look():
        return Thought(gone=gone, said=Said(text=gone, failed="revoked", status=401))
    off = await scene.switches.off(scene.run, begun=scene.run.segment > 1 or scene.state.step > 0)
    if off is not None:
        why = f"the {off.kind} {off.name} is {off.how}{f': {off.why}' if off.why else ''}"
        return Thought(off=why, killed=off.how == "killed", said=Said(failed=f"{off.kind}_{off.how}", status=403))
    heard = await aside(_listen, scene) if wanted.listens else ()
    ask = _ask_of(scene, wanted, key, heard)
    try:
        tokens, money = scene.doors.mind.most(ask)
    except AntiphonError as error:
        return Thought(said=_refused(error))
    if money is None and scene.run.envelope.money_nano_usd is not None:
        return Thought(short="money", say=_unpriced(scene, wanted))
    most = Use(steps=wanted.steps, calls=1, tokens=tokens, money_nano_usd=money or 0, seconds=MODEL_S)
    grant = await scene.purse.hold(key, most)
    if grant.short is not None:
        return Thought(short=grant.short)
    began_s = scene.doors.clock.steady_s()
    said = await _said(scene, wanted, structs.replace(ask, until_s=began_s + grant.most.seconds))
    used = _used(wanted, said, scene.doors.clock.steady_s() - began_s, most)
    await scene.purse.settle(grant, used)
    return Thought(said=said, used=used, heard=heard, alone=_alone(scene, said))


def _unpriced(scene: Scene, wanted: Wanted) -> str:
    """Why a call is not made under a bound of money."""
    model = scene.model(wanted.role)
    return (
        f"nobody knows what a call of the model {model} may cost (role {wanted.role}), and the envelope bounds money: write "
        f"`price` for every deployment that {model} leads to, under `models` of the configuration, or take `usd` out of the "
        "envelope"
    )


async def _said(scene: Scene, wanted: Wanted, ask: Ask) -> Said:
    """What a model says; a turn of planning has a span around it."""
    mind, spans, clock = scene.doors.mind, scene.doors.spans, scene.doors.clock
    planned = spans.child(ask.trace) if wanted.role == "plan" else None
    if planned is None or ask.trace is None:
        return await mind.ask(ask)
    start_ns = clock.now_ns()
    said = await mind.ask(structs.replace(ask, trace=planned))
    spans.planned(scene.run, planned, ask.trace, (start_ns, clock.now_ns()), said.failed)
    return said


def _ask_of(scene: Scene, wanted: Wanted, key: str, heard: tuple[Mail, ...]) -> Ask:
    run, state = scene.run, scene.state
    seen = merged(state.seen, wanted.origins)
    tools = (*offered(scene.doors, scene.document, state, run.tenant), *wanted.more) if wanted.tools else wanted.more
    form = None
    if wanted.schema is not None:
        form = ResponseFormat(kind="json_schema", name=wanted.role, schema=wanted.schema, strict=False)
    return Ask(
        model=scene.model(wanted.role),
        messages=(*wanted.messages, *map(message_of, heard)),
        principal=scene.caller,
        run=run.id,
        step=key,
        key=f"{run.id}/{key}",
        role=wanted.role,
        tools=tools,
        response_format=form,
        output_tokens=scene.spec.output_tokens,
        data_class=highest(state.data_class, seen.data_class),
        session=run.session,
        agent=run.agent,
        tainted=seen.untrusted,
        approval=state.notes.get("approval", ""),
        trace=scene.doors.spans.within(run),
    )


def _listen(scene: Scene) -> tuple[Mail, ...]:
    """Messages that were not read yet; those of the call before are marked as taken. Blocks on the store."""
    store, state = scene.doors.store, scene.state
    if state.heard:
        store.take(scene.run.id, state.heard)
    return tuple(one for one in store.mail(scene.run.id) if one.kind == "message" and one.id not in state.heard)


def message_of(mail: Mail) -> Message:
    """What somebody said to the run, as the model reads it."""
    said = mail.body.decode("utf-8", "replace")
    return text("user", f"{mail.by} says: {said}")


def hear(state: State, mail: Iterable[Mail]) -> None:
    """Take messages into what the model is shown. What people say is theirs: it vouches for arguments as the goal does."""
    for one in mail:
        state.context.append(message_of(one))
        if one.by.startswith(PEOPLE):
            state.said = (*state.said, _words(one))[-MOST_SAID:]


def _words(mail: Mail) -> str:
    try:
        said = msgspec.json.decode(mail.body) if mail.body else ""
    except msgspec.DecodeError:
        return mail.body.decode("utf-8", "replace")
    return said if isinstance(said, str) else mail.body.decode("utf-8", "replace")


def _alone(scene: Scene, said: Said) -> tuple[str, ...]:
    """Which of the called tools change something: their order matters."""
    called = {call.name for call in said.calls}
    pure = (
        {one.name for one in agent_tools(scene.doors, scene.document, scene.run.tenant) if one.effect == "pure"}
        if called
        else set[str]()
    )
    return tuple(sorted(called - pure))


def _used(wanted: Wanted, said: Said, took_s: float, most: Use) -> Use:
    """What a call used; all that was held where nobody knows, as a call that broke off may have been billed."""
    usage = said.usage
    if usage is None:
        tokens = 0 if said.failed and said.status < 500 else most.tokens
        return Use(steps=wanted.steps, calls=1, tokens=tokens, money_nano_usd=said.cost_nano_usd, seconds=took_s)
    return Use(
        steps=wanted.steps,
        calls=1,
        tokens=usage.input_tokens + usage.output_tokens,
        money_nano_usd=said.cost_nano_usd,
        seconds=took_s,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def _refused(error: AntiphonError) -> Said:
    return Said(text=error.message, failed=error.said_code, status=error.said_status, retryable=error.retryable)


def _told(wanted: Wanted, key: str, said: Said) -> dict[str, Any]:
    body: dict[str, Any] = {"role": wanted.role, "step": key, "receipt": said.receipt, "served": said.served}
    if said.failed:
        return {**body, "failed": said.failed, "why": said.text}
    calls = [{"name": one.name, "arguments": one.arguments} for one in said.calls]
    return {**body, "text": said.text, "calls": calls, "cost_nano_usd": said.cost_nano_usd, "took_us": said.took_us}
