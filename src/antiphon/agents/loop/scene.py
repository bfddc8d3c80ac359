"""What the parts of the loop share while a segment of a run is driven."""

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import msgspec

from antiphon.agents.documents.document import AgentDocument, Role
from antiphon.agents.doors import Doors
from antiphon.agents.journal import Journal, Parked
from antiphon.agents.loop.purse import Purse
from antiphon.agents.loop.switches import Switches
from antiphon.agents.standing import unheard
from antiphon.agents.state import State
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import NotAuthenticated
from antiphon.core.run import Run, Stop, Use, Wait
from antiphon.core.tool import Origins, ToolContext

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
_state = msgspec.json.Decoder(State).decode


class Stopped(Exception):
    """The loop ends before the goal is reached."""

    def __init__(self, stop: Stop, why: str) -> None:
        super().__init__(why)
        self.stop: Stop = stop
        self.why = why


class Scene:
    """One segment. Only `state` changes, and only by what was journalled."""

    def __init__(
        self, doors: Doors, document: AgentDocument, journal: Journal, run: Run, state: State, switches: Switches
    ) -> None:
        self.doors, self.document, self.spec = doors, document, document.spec
        self.journal, self.run, self.state = journal, run, state
        self.switches = switches
        self.purse = Purse(doors.store, run, state.lineage)
        self.caller = run.principal
        """Whoever began the run, as they stood at the last `look`; for journalled work alone."""
        self.gate = doors.gate(document, run.principal)

    def look(self) -> str:
        """See how whoever began the run stands at present; asked first by each journalled work that acts in their name.

        Returns: why nothing more is done in it; empty: they may go on.
        """
        if self.doors.standing is None:
            return ""
        try:
            caller = self.doors.standing(self.run.principal)
        except NotAuthenticated as error:
            return "" if unheard(error, self.run, self.doors.clock.now_ns()) else error.message
        if caller != self.caller:
            self.caller, self.gate = caller, self.doors.gate(self.document, caller)
        return ""

    async def step(self, name: str, kind: type[T], work: Callable[[], Awaitable[T]]) -> T:
        """Do work once, journalled; what it gives is a Struct. Raises: Interrupted, and what the work raises."""
        return msgspec.convert(await self.journal.step(name, _plain(work)), kind)

    async def steps(self, kind: type[T], works: list[tuple[str, Callable[[], Awaitable[T]]]]) -> list[T]:
        """Several at once. Raises: what the first that failed raised, once all have ended."""
        came = await self.journal.steps([(name, _plain(work)) for name, work in works])
        for one in came:
            if isinstance(one, BaseException):
                raise one
        return [msgspec.convert(one, kind) for one in came]

    def tell(self, kind: str, body: Any = None) -> None:
        """Tell those who watch."""
        self.journal.tell(kind, msgspec.to_builtins(body))

    def park(self, wait: Wait) -> NoReturn:
        """Wait, with all that is known kept."""
        self.state.wait = wait
        raise Parked(wait, encoded(self.state))

    def used(self, used: Use) -> None:
        """Count what an action used."""
        self.state.used = self.state.used + used

    def saw(self, origins: Origins) -> None:
        """The models see something from there from now on."""
        self.state.seen = merged(self.state.seen, origins)
        self.state.data_class = self.state.seen.data_class

    def context(self, key: str, seconds: float, given: Origins) -> ToolContext:
        """Who calls a tool or a remote agent, for how long, and with what: `given` is where the arguments come from."""
        run, doors = self.run, self.doors

        def heard(who: str, state: str, text: str) -> None:
            self.journal.aside("progress", {"step": key, "agent": who, "state": state, "text": text})

        return ToolContext(
            principal=self.caller,
            run=run.id,
            step=key,
            key=f"{run.id}/{key}",
            until_s=doors.clock.steady_s() + seconds,
            agent=run.agent,
            data_class=highest(self.state.data_class, given.data_class),
            session=run.session,
            workspace="" if doors.workspace is None else doors.workspace(run),
            trace=doors.spans.within(run),
            heard=heard,
        )

    def model(self, role: Role) -> str:
        """The public model name of a role; `escalation` once its own model failed or could not mend its answer."""
        spare = self.spec.models.get("escalation")
        return spare if role == "act" and spare and self.state.notes.get("escalated") else self.document.model(role)


def _plain(work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    async def done() -> Any:
        return msgspec.to_builtins(await work(), str_keys=True)

    return done


def merged(*origins: Origins) -> Origins:
    """Where something that is made of several comes from."""
    classes: list[DataClass] = [one.data_class for one in origins]
    return Origins(
        sources=tuple(sorted({source for one in origins for source in one.sources})),
        untrusted=any(one.untrusted for one in origins),
        private=any(one.private for one in origins),
        data_class=highest(*classes),
    )


def encoded(state: State) -> bytes:
    """As JSON, kept between segments."""
    return _encode(state)


def decoded(raw: bytes) -> State:
    """The reverse of `encoded`."""
    return _state(raw)
