"""Every request to a model of the lab, in whatever dialect."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, NotFound
from antiphon.net.exchange import Exchange
from antiphon.providers.lab.answer import Answer, Job
from antiphon.providers.lab.dialect import Dialect, Incoming, Said, Writer
from antiphon.providers.lab.faults import met
from antiphon.providers.lab.misbehave import FAULTS, Scene
from antiphon.providers.lab.pace import Pace
from antiphon.providers.lab.prefixes import Prefixes
from antiphon.providers.lab.records import Received, Records
from antiphon.providers.lab.send import Reply, send
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings
from antiphon.providers.lab.tables import Tables

if TYPE_CHECKING:
    from antiphon.providers.lab.script import Script


class Completions:
    """The models of one lab: they read, count, misbehave and answer."""

    def __init__(self, settings: LabSettings, *, clock: Clock, tables: Tables, records: Records) -> None:
        self._settings = settings
        self._clock = clock
        self._tables = tables
        self._records = records
        self._prefixes = Prefixes()
        self._faults = {name: tuple(model.faults) for name, model in settings.models.items()}
        self._scripts = _scripts(settings)
        self._numbers: Counter[str] = Counter()
        self.stopping = False
        """Callers that are cut off from now on did not leave by themselves."""

    def replace_faults(self, model: str, faults: tuple[FaultSettings, ...]) -> None:
        """Other faults for a model from now on; its requests count from 1 again. Raises: NotFound."""
        self._known(model)
        self._faults[model] = faults
        del self._numbers[model]

    async def serve(self, exchange: Exchange, dialect: Dialect, incoming: Incoming) -> None:
        """Answer one request, and keep the record of it whatever happens."""
        received = self._opened(dialect, incoming)
        try:
            writer = dialect.read(incoming)
            job = self._job(writer, received)
            await self._serve(exchange, dialect, writer, job, received)
        except AntiphonError as error:
            received.error = error.said_code
            said = dialect.manners.problem(error)
            exchange.respond(said.status, said.lines, said.body)
        except asyncio.CancelledError:
            received.left_early = not self.stopping
            raise
        finally:
            received.status = exchange.status
            self._records.close(received, self._clock.now_ns())

    async def run(self, dialect: Dialect, incoming: Incoming) -> Said:
        """Answer one request at once: a line of a batch, which meets no fault and keeps no pace."""
        received = self._opened(dialect, incoming)
        try:
            writer = dialect.read(incoming)
            job = self._job(writer, received)
            answer = await self._answer(writer, job, received)
            said = Said(body=writer.whole(answer, writer.usage(answer)))
        except AntiphonError as error:
            received.error = error.said_code
            said = dialect.manners.problem(error)
        received.status = said.status
        self._records.close(received, self._clock.now_ns())
        return said

    def _opened(self, dialect: Dialect, incoming: Incoming) -> Received:
        now_ns = self._clock.now_ns()
        return self._records.open(incoming.body, incoming.headers, now_ns, path=incoming.path, dialect=dialect.name)

    async def _serve(self, exchange: Exchange, dialect: Dialect, writer: Writer, job: Job, received: Received) -> None:
        pace = Pace(job)

        async def reply() -> Reply:
            return Reply(writer=writer, answer=await self._answer(writer, job, received), pace=pace)

        self._records.open_streams += received.stream
        try:
            fault = met(self._faults[received.model], job.seed, job.asked, job.number)
            if fault is None:
                whole = await reply()
                await send(exchange, whole, whole.usage)
            else:
                self._records.met(received, fault.kind)
                scene = Scene(
                    exchange=exchange, fault=fault, stream=received.stream, reply=reply, manners=dialect.manners
                )
                await FAULTS[fault.kind](scene)
        finally:
            self._records.open_streams -= received.stream

    async def _answer(self, writer: Writer, job: Job, received: Received) -> Answer:
        outcome = await self._tables.find(received.model, job.asked.last_user_text)
        answer = writer.compose(job, outcome)
        received.input_tokens, received.output_tokens = answer.used.input, answer.used.output
        return answer

    def _job(self, writer: Writer, received: Received) -> Job:
        """Number a request that was read. Raises: NotFound."""
        asked = writer.asked
        model = asked.chat.model
        settings = self._known(model)
        self._numbers[model] += 1
        received.model, received.key, received.stream = model, asked.key, writer.stream
        received.number = self._numbers[model]
        return Job(
            settings=settings,
            seed=self._settings.seed,
            number=received.number,
            asked=asked,
            created_s=self._clock.now_ns() // 1_000_000_000,
            cached=self._prefixes.cached(asked),
            script=self._scripts.get(model),
        )

    def _known(self, name: str) -> LabModel:
        """Raises: NotFound."""
        model = self._settings.models.get(name)
        if model is None:
            raise NotFound(
                f"The model `{name}` does not exist in this lab; it has {', '.join(self._settings.models)}",
                code="model_not_found",
                param="model",
            )
        return model


def _scripts(settings: LabSettings) -> Mapping[str, "Script"]:
    """By model. Templates are loaded where there is a script."""
    rules = {name: model.script for name, model in settings.models.items() if model.script}
    if not rules:
        return {}
    scripts: Any = import_module("antiphon.providers.lab.script")
    return {name: scripts.Script(some) for name, some in rules.items()}
