"""POST /v1/chat/completions of the lab."""

import asyncio
from collections import Counter

from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, NotFound
from antiphon.net.exchange import Exchange
from antiphon.providers.lab.answer import Job, compose
from antiphon.providers.lab.decode import decode
from antiphon.providers.lab.encode import JSON_LINE, problem
from antiphon.providers.lab.faults import met
from antiphon.providers.lab.misbehave import FAULTS, Scene
from antiphon.providers.lab.pace import Pace
from antiphon.providers.lab.prefixes import Prefixes
from antiphon.providers.lab.records import Received, Records
from antiphon.providers.lab.send import Reply, send
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings
from antiphon.providers.lab.tables import Tables


class Completions:
    """The models of one lab: they read, count, misbehave and answer."""

    def __init__(self, settings: LabSettings, *, clock: Clock, tables: Tables, records: Records) -> None:
        self._settings = settings
        self._clock = clock
        self._tables = tables
        self._records = records
        self._prefixes = Prefixes()
        self._faults = {name: tuple(model.faults) for name, model in settings.models.items()}
        self._numbers: Counter[str] = Counter()
        self.stopping = False
        """Callers that are cut off from now on did not leave by themselves."""

    def replace_faults(self, model: str, faults: tuple[FaultSettings, ...]) -> None:
        """Other faults for a model from now on; its requests count from 1 again. Raises: NotFound."""
        self._known(model)
        self._faults[model] = faults
        del self._numbers[model]

    async def serve(self, exchange: Exchange) -> None:
        """Answer one request, and keep the record of it whatever happens."""
        body = b"".join(exchange.body)
        received = self._records.open(body, exchange.headers, self._clock.now_ns())
        try:
            await self._serve(exchange, body, received)
        except AntiphonError as error:
            received.error = error.said_code
            exchange.respond(error.said_status, JSON_LINE, problem(error))
        except asyncio.CancelledError:
            received.left_early = not self.stopping
            raise
        finally:
            received.status = exchange.status
            self._records.close(received, self._clock.now_ns())

    async def _serve(self, exchange: Exchange, body: bytes, received: Received) -> None:
        job = self._job(body, received)
        pace = Pace(job)

        async def reply() -> Reply:
            outcome = await self._tables.find(received.model, job.asked.last_user_text)
            answer = compose(job, outcome)
            received.input_tokens, received.output_tokens = answer.used.input, answer.used.output
            return Reply(job=job, answer=answer, pace=pace)

        self._records.open_streams += received.stream
        try:
            fault = met(self._faults[received.model], job.seed, job.asked, job.number)
            if fault is None:
                whole = await reply()
                await send(exchange, whole, whole.usage)
            else:
                self._records.met(received, fault.kind)
                scene = Scene(exchange=exchange, fault=fault, stream=received.stream, reply=reply)
                await FAULTS[fault.kind](scene)
        finally:
            self._records.open_streams -= received.stream

    def _job(self, body: bytes, received: Received) -> Job:
        """Read a request and number it. Raises: BadRequest, NotFound."""
        asked = decode(body)
        model = asked.chat.model
        settings = self._known(model)
        self._numbers[model] += 1
        received.model, received.key, received.stream = model, asked.key, bool(asked.chat.stream)
        received.number = self._numbers[model]
        return Job(
            settings=settings,
            seed=self._settings.seed,
            number=received.number,
            asked=asked,
            created_s=self._clock.now_ns() // 1_000_000_000,
            cached_tokens=self._prefixes.cached_tokens(asked),
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
