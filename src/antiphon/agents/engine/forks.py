"""Runs that begin with what another had journalled before one of its steps."""

import msgspec
from msgspec.structs import replace

from antiphon.agents.engine.dbos import Durable
from antiphon.agents.engine.desk import Desk
from antiphon.core.error import BadRequest
from antiphon.core.run import Run

PAGE = 500


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a run that it can be forked from."""

    at: str
    """`SEGMENT.NUMBER`."""
    name: str


def forked_from(run: str, at: str) -> str:
    """As `Run.forked_from` says it. Raises: BadRequest."""
    segment, _, number = at.partition(".")
    if not (segment.isdigit() and number.isdigit()):
        raise BadRequest(f"step {at} is not written as SEGMENT.NUMBER, such as 1.4", param="step")
    return f"{run}@{at}"


class Forks:
    """Begins forked runs, and lists what can be forked from."""

    def __init__(self, desk: Desk, durable: Durable) -> None:
        self._desk, self._durable = desk, durable

    async def begin(self, run: Run) -> None:
        """Put its first segment into the durable queue, with what was told of it until then. Twice is as once.

        Raises: BadRequest, where the other run has no such step.
        """
        other, _, at = run.forked_from.rpartition("@")
        segment, _, number = at.partition(".")
        steps = await self._desk.do(self._durable.steps, f"{other}.{segment}")
        last = max((int(one["function_id"]) for one in steps), default=0)
        if not 1 <= int(number) <= last:
            raise BadRequest(f"step {number}: the segment {segment} of the run {other} has {last} steps", param="step")
        await self._copy_events(other, run, int(segment))
        await self._desk.do(self._durable.fork, run, f"{other}.{segment}", int(number))

    async def steps(self, run: Run) -> list[Step]:
        """All of a run, in order."""
        out: list[Step] = []
        for segment in range(1, run.segment + 1):
            found = await self._desk.do(self._durable.steps, f"{run.id}.{segment}")
            out += [Step(at=f"{segment}.{one['function_id']}", name=one["function_name"]) for one in found]
        return out

    async def _copy_events(self, other: str, run: Run, segment: int) -> None:
        """Those of the segments before it. Those of its own are told again as it goes through its steps."""
        before = await self._desk.do(self._durable.output, f"{other}.{segment - 1}") if segment > 1 else None
        last, after = int(before["seq"]) if before else 0, 0
        while after < last:
            found = await self._desk.do(self._desk.store.told, other, after, min(PAGE, last - after))
            if not found:
                return
            await self._desk.do(self._desk.store.tell, [replace(one, run=run.id) for one in found])
            after = found[-1].seq
