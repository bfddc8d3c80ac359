"""The journal of one segment: what a step gave is sealed and written down before the loop sees it."""

import asyncio
import base64
import contextvars
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from dbos import DBOS
from dbos import error as dbos_error
from msgspec import Struct

from antiphon.agents.engine.desk import Desk
from antiphon.agents.journal import Interrupted, Journal
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Sealer
from antiphon.core.run import Mail, Run, RunEvent

log = logging.getLogger(__name__)
CONTEXT = "agent.step"
CONTROL = frozenset({"pause", "resume", "cancel", "kill"})
Work = Callable[[], Awaitable[Any]]


class _Doing:
    """A step's work, where it is done here and not read again."""

    def __init__(self) -> None:
        self.asides = 0
        self.done = False


_DOING: contextvars.ContextVar[_Doing | None] = contextvars.ContextVar("doing", default=None)


class Drained(BaseException):
    """This process stops: the segment is left where it stands, and goes on elsewhere."""


class Diverged(BaseException):
    """A replay asked for another step than the one that was written down."""


class Faltered(BaseException):
    """The journal could not be read or written: the segment goes on from its last step, a little later."""


class _Wrong(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it is written down."""

    kind: str
    message: str
    code: str
    status: int
    param: str | None = None
    retry_after_s: float | None = None
    reasons: tuple[str, ...] = ()


class _Came(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step gave."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    wrong: _Wrong | None = None
    asides: int = 0
    """Events that were told while it was done."""


def _kinds(kind: type[AntiphonError]) -> dict[str, type[AntiphonError]]:
    found = {kind.__name__: kind}
    for one in kind.__subclasses__():
        found |= _kinds(one)
    return found


def _wrong(error: AntiphonError) -> _Wrong:
    return _Wrong(
        kind=type(error).__name__,
        message=error.message,
        code=error.said_code,
        status=error.said_status,
        param=error.param,
        retry_after_s=error.retry_after_s,
        reasons=error.reasons,
    )


def _error(wrong: _Wrong) -> AntiphonError:
    """The same error again; what only its own class knows of it is gone."""
    kind = _kinds(AntiphonError).get(wrong.kind, AntiphonError)
    made = kind.__new__(kind)
    AntiphonError.__init__(
        made,
        wrong.message,
        code=wrong.code,
        status=wrong.status,
        param=wrong.param,
        retry_after_s=wrong.retry_after_s,
        reasons=wrong.reasons,
    )
    return made


def _broken(error: Exception) -> BaseException:
    return Diverged(str(error)) if isinstance(error, dbos_error.DBOSUnexpectedStepError) else Faltered(str(error))


class SegmentJournal(Journal):
    """Steps are DBOS steps; works run on the loop that segments run on."""

    def __init__(self, run: Run, desk: Desk, sealer: Sealer) -> None:
        self.run = run
        self._desk, self._sealer = desk, sealer
        self._subject = run.principal.subject(session=run.session)
        self._stopped: BaseException | None = None
        self._works: set[asyncio.Task[Any]] = set()
        self._seq = self._known = 0
        self._unsaid: list[RunEvent] = []
        self._saying: asyncio.Task[None] | None = None

    # --- what the loop asks

    async def step(self, name: str, work: Work) -> Any:
        self._go_on()
        doing = _Doing()
        try:
            sealed = await DBOS.run_step_async({"name": name}, self._write_down, name, work, doing)
        except Exception as error:
            raise _broken(error) from error
        return await self._read(sealed, doing)

    async def steps(self, works: list[tuple[str, Work]]) -> list[Any]:
        self._go_on()
        booked = [DBOS.reserve_step() for _ in works]
        doings = [_Doing() for _ in works]
        running = [
            place.run_async({"name": name}, self._write_down, name, work, doing)
            for place, (name, work), doing in zip(booked, works, doings, strict=True)
        ]
        out: list[Any] = []
        came = await asyncio.gather(*running, return_exceptions=True)
        for sealed, doing in zip(came, doings, strict=True):
            if isinstance(sealed, Exception):
                raise _broken(sealed) from sealed
            if isinstance(sealed, BaseException):
                raise sealed
            try:
                out.append(await self._read(sealed, doing))
            except AntiphonError as error:
                out.append(error)
        return out

    async def now_ns(self) -> int:
        async def look() -> int:
            return time.time_ns()

        return await self.step("now", look)

    async def random(self) -> float:
        async def draw() -> float:
            return random.SystemRandom().random()

        return await self.step("random", draw)

    def aside(self, kind: str, body: Any = None) -> None:
        doing = _DOING.get()
        if doing is not None:
            doing.asides += 1
        self.tell(kind, body)

    def tell(self, kind: str, body: Any = None) -> None:
        self._seq += 1
        if self._seq <= self._known:
            return
        said = b"" if body is None else msgspec.json.encode(body)
        self._unsaid.append(RunEvent(run=self.run.id, seq=self._seq, at_ns=time.time_ns(), kind=kind, body=said))
        if self._saying is None or self._saying.done():
            loop = asyncio.get_running_loop()
            self._saying = loop.create_task(self._say(), context=contextvars.Context())

    async def mail(self) -> list[Mail]:
        async def look() -> list[Mail]:
            found = await self._desk.do(self._desk.store.mail, self.run.id)
            return [one for one in found if one.kind not in CONTROL]

        found = msgspec.convert(await self.step("mail", look), list[Mail])
        await self.took(found)
        return found

    # --- what the engine asks

    async def took(self, mail: list[Mail]) -> None:
        """Mark mail as taken, once it is written down: a replay does it again, to no effect."""
        if mail:
            await self._desk.do(self._desk.store.take, self.run.id, [one.id for one in mail])

    def told(self, seq: int, known: int) -> None:
        """Begin events behind this one; those up to `known` were said before."""
        self._seq, self._known = seq, known

    @property
    def seq(self) -> int:
        return self._seq

    async def said(self) -> None:
        """Wait until all that was told is kept."""
        while self._saying is not None and not self._saying.done():
            await self._saying

    @property
    def stopped(self) -> BaseException | None:
        return self._stopped

    def stop(self, why: BaseException, *, at_once: bool) -> None:
        """Have the next step raise; `at_once`: what runs is cancelled too."""
        if self._stopped is None or (isinstance(self._stopped, Interrupted) and at_once):
            self._stopped = why
        if at_once:
            for work in self._works:
                work.cancel()

    def _go_on(self) -> None:
        if self._stopped is not None:
            raise self._stopped

    async def _write_down(self, name: str, work: Work, doing: _Doing) -> str:
        came = msgspec.structs.replace(await self._done(name, work, doing), asides=doing.asides)
        doing.done = True
        plain = msgspec.json.encode(came)
        await self._sealer.ready(self.run.tenant)
        sealed = self._sealer.seal(plain, CONTEXT, tenant=self.run.tenant, subject=self._subject)
        return base64.b64encode(sealed).decode()

    async def _done(self, name: str, work: Work, doing: _Doing) -> _Came:
        self._go_on()
        before = _DOING.set(doing)
        running = asyncio.ensure_future(work())
        _DOING.reset(before)
        self._works.add(running)
        try:
            return _Came(value=msgspec.Raw(msgspec.json.encode(await running)))
        except AntiphonError as error:
            return _Came(wrong=_wrong(error))
        except asyncio.CancelledError:
            self._go_on()
            raise
        except Exception as error:
            log.exception("step.failed", extra={"run": self.run.id, "step": name})
            return _Came(wrong=_wrong(AntiphonError(f"step {name} failed: {type(error).__name__}: {error}")))
        finally:
            self._works.discard(running)

    async def _read(self, text: str, doing: _Doing) -> Any:
        sealed = base64.b64decode(text)
        await self._sealer.prepare([sealed])
        came = msgspec.json.decode(self._sealer.unseal(sealed, CONTEXT), type=_Came)
        if not doing.done:
            self._seq += came.asides  # they were said when it was done
        if came.wrong is not None:
            raise _error(came.wrong)
        return msgspec.json.decode(came.value)

    async def _say(self) -> None:
        while self._unsaid:
            batch, self._unsaid = self._unsaid, []
            await self._desk.keep(self._desk.store.tell, batch)
