"""A whole gateway on fakes."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from receipts import ALICE

from antiphon.calls.cache import ResponseCache
from antiphon.calls.caller import Caller
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.core.arrival import Arrival
from antiphon.core.deployment import Deployment, Price
from antiphon.core.error import AntiphonError
from antiphon.core.ids import Ids, Random
from antiphon.core.plan import FallbackKind
from antiphon.core.ports import Reply, Served
from antiphon.core.receipt import Receipt
from antiphon.core.request import Request
from antiphon.core.secret import Secret
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.house import Process, Revision
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Account, Target, target
from antiphon.routing.route import Pool, Prompt, Route
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots
from fakes.clock import StoppedClock
from fakes.records import ListedJournal, NotedTickets, PlainSealer
from fakes.upstream import Answer, Scripted, ScriptedTransport

KEY = "sk-upstream-secret-marker"
HANGS_AFTER_S = 20
"""What takes so long on fakes has been left hanging."""
AT_NS = 1_700_000_000_000_000_000


class NumberedIds(Ids):
    def __init__(self) -> None:
        self._given = 0

    def new(self) -> str:
        self._given += 1
        return f"{self._given:08x}-0000-7000-8000-000000000000"


class FixedSeed(Random):
    def seed(self) -> int:
        return 7


class NotedReply(Reply):
    """Takes an answer, and sees to it that there is no second one."""

    def __init__(self, events: list[str]) -> None:
        self._events = events
        self.served: Served | None = None
        self.out = b""
        self.failure: AntiphonError | None = None
        self.receipt_id = ""
        self.told = b""
        self.ended = False
        self.pressure: Callable[[bool], None] | None = None

    @property
    def begun(self) -> bool:
        return self.served is not None

    def _note(self, event: str, *, ends: bool) -> None:
        self._events.append(f"reply.{event}")
        assert not self.ended, f"{event} after the end of the answer"
        self.ended = ends

    def whole(self, served: Served, body: bytes) -> None:
        assert not self.begun
        self._note("whole", ends=True)
        self.served, self.out = served, body

    def begin(self, served: Served) -> None:
        assert not self.begun
        self._note("begin", ends=False)
        self.served = served

    def write(self, piece: bytes) -> None:
        assert self.begun
        self._note("write", ends=False)
        self.out += piece

    def end(self, last: bytes = b"") -> None:
        assert self.begun
        self._note("end", ends=True)
        self.out += last

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self._note("error", ends=True)
        self.failure, self.receipt_id, self.told = error, receipt_id, told

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        self._note("last_resort", ends=True)
        self.out, self.receipt_id, self.told = text.encode(), receipt_id, told

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self.pressure = callback


def deployed(name: str = "small", **fields: Any) -> Deployment:
    return Deployment(
        **{
            "name": name,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "tier": "fast",
            "price": Price(input=150_000, output=600_000),
            **fields,
        }
    )


def aimed(deployment: Deployment, profile: str = "openai", *keys: str) -> Target:
    secrets = tuple(Secret(key) for key in keys or (KEY,))
    account = Account(name="openai", profile=PROFILES[profile], base_url="https://up.example/v1", keys=secrets)
    return target(deployment, account)


class House:
    """A gateway with one route, `fast`, and everything that happens in it as a list of events."""

    def __init__(
        self,
        directory: Path,
        *script: Scripted,
        deployment: Deployment | None = None,
        deployments: Sequence[Deployment] = (),
        fallbacks: Mapping[FallbackKind, Sequence[Deployment]] | None = None,
        keys: Sequence[str] = (KEY,),
        profile: str = "openai",
        prompt: Prompt | None = None,
        attempts: int = 1,
        route: Mapping[str, Any] | None = None,
        policy: RouteSettings | None = None,
        calls: CallsSettings | None = None,
        **revision: Any,
    ) -> None:
        """A route to `deployment` alone, or to `deployments`.

        Args:
            fallbacks: Who takes over, by what went wrong.
            keys: Of the one account that all of them have.
            route: More fields of the route.
            policy: How its calls are made; `calls`: how those of every route are.
            revision: More fields of the revision.
        """
        calls = calls or CallsSettings()
        self.events: list[str] = []
        self.journal = ListedJournal(self.events)
        self.tickets = NotedTickets(self.events)
        self.transport = ScriptedTransport(self.events, *script)
        self.metrics = Metrics(Slots(directory, "worker-0"))
        self.caller = Caller(self.transport, self.tickets, self.journal, self.metrics)
        self.clock = StoppedClock(AT_NS)
        self.cache = ResponseCache(PlainSealer(), self.clock, self.metrics.cached)
        self.cutting = False
        own = tuple(deployments) or (deployment or deployed(),)
        pools = tuple(Pool(on=on, deployments=tuple(some)) for on, some in (fallbacks or {}).items())
        everyone = [*own, *(one for pool in pools for one in pool.deployments)]
        self.targets = {one.name: aimed(one, profile, *keys) for one in everyone}
        self.target = self.targets[own[0].name]
        process = Process(
            worker=3,
            clock=self.clock,
            ids=NumberedIds(),
            random=FixedSeed(),
            journal=self.journal,
            caller=self.caller,
            metrics=self.metrics,
            sealer=PlainSealer(),
            cache=self.cache,
            cutting=lambda: self.cutting,
        )
        settings = {self.target.account: [ProviderKeySettings(key=Secret(key)) for key in keys]}
        self.caller.fleet.arrange(calls, self.targets, settings, self.caller.now())
        self.route = Route(
            name="fast", deployments=own, prompt=prompt, attempts=attempts, fallbacks=pools, **(route or {})
        )
        self.policy = Policy("fast", policy or RouteSettings(), calls)
        told: dict[str, Any] = {
            "id": "rev-1",
            "routes": {"fast": self.route},
            "targets": self.targets,
            "policies": {"fast": self.policy},
            "calls": calls,
            "log_requests": "none",
            **revision,
        }
        self.gateway = Gateway(process, Revision(**told))

    def arrival(self, headers: Mapping[bytes, bytes] | None = None) -> Arrival:
        return self.gateway.arrival("/v1/chat/completions", "openai_chat", time.perf_counter(), headers or {})

    async def answer(
        self, asked: Request, principal: Any = ALICE, headers: Mapping[bytes, bytes] | None = None
    ) -> NotedReply:
        reply = NotedReply(self.events)
        async with asyncio.timeout(HANGS_AFTER_S):
            await self.gateway.answer(asked, principal, self.arrival(headers), reply)
        return reply

    @property
    def receipt(self) -> Receipt:
        """The one closed receipt of the one request."""
        (receipt,) = [*self.journal.shut, *self.journal.owed]
        return receipt

    @property
    def asked(self) -> list[str]:
        """The models that the upstreams were asked for, in turn: each fake deployment has its own."""
        return [json.loads(b"".join(sent.body))["model"] for sent, _ in self.transport.sent]

    def check_settled(self) -> None:
        """Whatever happened: nothing is held, and nothing is in flight."""
        counted = self.tickets.counted
        assert counted.open == 0
        assert counted.taken == counted.settled
        for name in self.targets:
            member = self.caller.fleet[name]
            keys = member.pool.keys if member.pool else ()
            assert self.metrics.in_flight(name).value == 0
            assert (member.gate.in_flight, member.gate.waiting, member.live.in_flight) == (0, 0, 0)
            assert not any(key.in_flight for key in keys)


def chunk(content: str | None = None, *, finish: str | None = None, **fields: Any) -> bytes:
    delta = {} if content is None else {"content": content}
    said = {
        "id": "c",
        "model": "gpt-4o-mini-2026",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **fields,
    }
    return f"data: {json.dumps(said)}\n\n".encode()


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
DONE = b"data: [DONE]\n\n"


def usage_event() -> bytes:
    return chunk(choices=[], usage=USAGE)


def completion(content: str = "hi", **fields: Any) -> bytes:
    said = {
        "id": "c",
        "object": "chat.completion",
        "model": "gpt-4o-mini-2026",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": USAGE,
        **fields,
    }
    return json.dumps(said).encode()


def events_of(*pieces: bytes, **fields: Any) -> Answer:
    """A stream."""
    return Answer(*pieces, kind=b"text/event-stream; charset=utf-8", **fields)
