"""A worker's cache on fakes: a store of answers in a dictionary, and an embedder that is told what lies where."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bodies import request

from antiphon.calls.cache import ResponseCache
from antiphon.calls.cache_found import Hit, Miss
from antiphon.calls.fleet import Fleet
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_cache import CacheSettings, CachesSettings, SemanticSettings
from antiphon.core.arrival import Arrival
from antiphon.core.body import Body
from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.data_class import DataClass
from antiphon.core.embedding import Embedder, Embedding
from antiphon.core.error import AntiphonError, StoreError
from antiphon.core.plan import Envelope, Step
from antiphon.core.ports import Reply, Served
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.verdict import Verdict
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from fakes.clock import StoppedClock
from fakes.house import aimed, deployed
from fakes.records import PlainSealer

SEMANTIC = SemanticSettings(embedder="small")
NS = 1_000_000_000


class DictCache(CacheStore):
    """Keeps everything; fails, or waits for an event, where it is told to."""

    def __init__(self) -> None:
        self.entries: dict[bytes, CacheEntry] = {}
        self.asked = 0
        self.fails = False
        self.waits: Callable[[], object] = lambda: None
        self.closed = False

    def _ask(self) -> None:
        self.asked += 1
        self.waits()
        if self.fails:
            raise StoreError("the cache is away")

    def find(self, tenant: str, key: bytes, now_ns: int) -> CacheEntry | None:
        self._ask()
        found = self.entries.get(key)
        return found if found is not None and found.tenant == tenant and found.until_ns > now_ns else None

    def near(self, tenant: str, group: bytes, after_ns: int, now_ns: int, most: int) -> list[CacheEntry]:
        self._ask()
        found = [
            one
            for one in self.entries.values()
            if (one.tenant, one.group) == (tenant, group) and one.at_ns > after_ns and one.until_ns > now_ns
        ]
        return sorted(found, key=lambda one: -one.at_ns)[:most]

    def put(self, entry: CacheEntry, now_ns: int) -> None:
        self._ask()
        self.entries[entry.key] = entry

    def close(self) -> None:
        self.closed = True


class ToldEmbedder(Embedder):
    """Gives the vectors that it was told, and counts what it was asked."""

    name = "told@1"
    dimensions = 2

    def __init__(self, vectors: Mapping[str, tuple[float, float]]) -> None:
        self.vectors = dict(vectors)
        self.asked: list[str] = []
        self.failure: AntiphonError | None = None

    async def embed(self, texts: Sequence[str]) -> list[Embedding]:
        self.asked += texts
        if self.failure is not None:
            raise self.failure
        return [array("f", self.vectors[text]) for text in texts]

    def close(self) -> None:
        return


class Spent:
    """The story of a request."""

    def __init__(
        self,
        tenant: str = "acme",
        headers: Mapping[bytes, bytes] | None = None,
        data_class: DataClass | None = None,
        *,
        private: bool = False,
    ) -> None:
        self.data_class = data_class
        self.allowed = Verdict(allowed=True, private=private)
        self.principal = Principal(tenant=tenant, key="k")
        self.arrival = Arrival(
            id="r",
            at_ns=0,
            started_s=0.0,
            endpoint="/v1/chat/completions",
            dialect="openai_chat",
            headers=headers or {},
        )
        self.lines = b""
        self.cached = ""
        self.saved_nano_usd: int | None = None
        self.cost_nano_usd: int | None = 1500
        self.served_model = "gpt-test-2026"
        self.fingerprint = "fp_1"


class TakenReply(Reply):
    """Takes what it is given."""

    def __init__(self) -> None:
        self.out: list[bytes] = []

    def whole(self, served: Served, body: bytes) -> None:
        self.out.append(body)

    def begin(self, served: Served) -> None:
        return

    def write(self, piece: bytes) -> None:
        self.out.append(piece)

    def end(self, last: bytes = b"") -> None:
        self.out.append(last)

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        return

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        return

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        return


def prepared(cache: CacheSettings, names: str = "a", route: str = "r", **fields: Any) -> Prepared:
    """A step of a route with a cache; `fields` are of its deployments."""
    fleet, calls = Fleet(), CallsSettings()
    targets = {name: aimed(deployed(name, **fields)) for name in names}
    fleet.arrange(calls, targets, {}, 0.0)
    step = Step(name="answer", deployments=tuple(names), envelope=Envelope())
    return Prepared(step, Policy(route, RouteSettings(cache=cache), calls), fleet, targets)


class Worker:
    """One worker's cache."""

    def __init__(
        self,
        store: CacheStore | None = None,
        clock: StoppedClock | None = None,
        embedder: Embedder | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or StoppedClock(1_700_000_000 * NS)
        self.counted: list[str] = []
        self.cache = ResponseCache(PlainSealer(), self.clock, lambda _, result: self.counted.append(result))
        self.cache.arrange(CachesSettings(timeout_s=5, **settings), store)
        if embedder is not None:
            self.cache.embed_with({"small": embedder})

    async def look(
        self,
        asked: Request,
        made: Prepared,
        *,
        tenant: str = "acme",
        headers: Mapping[bytes, bytes] | None = None,
        data_class: DataClass | None = None,
        private: bool = False,
        **more: Any,
    ) -> Hit | Miss:
        return await self.cache.look(Spent(tenant, headers, data_class, private=private), asked, made, **more)

    async def ask(
        self, asked: Request, made: Prepared, *pieces: bytes, receipt: str = "paid-1", **more: Any
    ) -> Hit | Miss:
        """Look, and answer a miss with these pieces: one for a whole answer."""
        looked = await self.look(asked, made, **more)
        if isinstance(looked, Miss) and pieces:
            reply = looked.recording(TakenReply(), Spent())
            answer(reply, pieces, stream=asked.head.stream, receipt=receipt)
            await self.kept()
        return looked

    async def kept(self) -> None:
        """Until everything that is to be kept is kept."""
        await self.cache.idle()


def answer(reply: Reply, pieces: Sequence[bytes], *, stream: bool, receipt: str) -> None:
    """Answer a request as an upstream would."""
    kind = b"text/event-stream" if stream else b"application/json"
    served = Served(receipt, "a", {b"content-type": kind, b"x-antiphon-lab": b"simulated"})
    if not stream:
        reply.whole(served, pieces[0])
        return
    reply.begin(served)
    for piece in pieces[:-1]:
        reply.write(piece)
    reply.end(pieces[-1])


def asks(text: bytes, dialect: Any = "openai_chat", endpoint: str = "/v1/chat/completions", **path: Any) -> Request:
    """A request of any dialect."""
    if dialect == "openai_chat":
        return request(text)
    body = Body((text,))
    head, spots = CODECS[dialect].read(body, Asked(endpoint=endpoint, **path))
    return Request(head=head, body=body, spots=spots, digest=body.sha256())
