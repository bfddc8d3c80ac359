"""What the rooms need of each other without knowing each other: one small class a port."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from os import urandom
from typing import Any

from msgspec import Struct

from antiphon.core.approval import Approval, Wish
from antiphon.core.audit import Event
from antiphon.core.data_class import DataClass
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, NotAuthenticated
from antiphon.core.kept import Entry
from antiphon.core.ledger import Holds
from antiphon.core.money import NanoUsd
from antiphon.core.peer import Peer
from antiphon.core.principal import Principal
from antiphon.core.receipt import Loss, Ran, Receipt, Told
from antiphon.core.request import Request, Trace
from antiphon.core.score import Score, Tally
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage


class Origin(Struct, frozen=True, gc=False, kw_only=True):
    """Where an upstream listens, and how it is reached."""

    host: str
    port: int
    tls: bool = False
    ca_file: str | None = None
    proxy: str | None = None
    networks: tuple[str, ...] = ()
    """The only networks that it may be reached in, such as `10.0.0.0/8`; empty: those that egress rules allow."""
    connections: int = 1000
    """The most connections that one worker opens to it."""
    foreign: bool = False
    """A stranger named it, such as a document or an answer: an address inside is refused however it is written."""


class Outbound(Struct, frozen=True, gc=False, kw_only=True):
    """A request ready to be sent: `head` ends before `Content-Length`, which the transport adds."""

    origin: Origin
    head: bytes
    body: tuple[bytes, ...]
    size_bytes: int
    timeouts: Timeouts


class Inbound(ABC):
    """An upstream's answer whose head has come."""

    status: int
    headers: dict[bytes, bytes]
    """Names in lower case; of a repeated header the last value."""
    reused: bool
    """A kept connection carried it."""
    queue_us: int
    connect_us: int | None
    first_byte_us: int

    def whole(self, most_bytes: int) -> bytes | None:
        """The whole body, where it has come already and is no longer; else None, and `read` waits for it."""
        return None

    @abstractmethod
    async def read(self, most_bytes: int) -> bytes:
        """The whole body. Raises: UpstreamMalformed when it is longer, UpstreamBroken, UpstreamTimeout."""

    @abstractmethod
    async def lead(self, sink: Callable[[bytes], bool]) -> bool:
        """Hand pieces of the body to `sink` as they come until it returns True; what follows waits for `relay`.

        Returns: whether `sink` had enough; False: the body ended before.
        Raises: UpstreamBroken, UpstreamTimeout, and what `sink` raises; the exchange has then ended.
        """

    @abstractmethod
    async def relay(self, sink: Callable[[bytes], None]) -> None:
        """Hand every piece of the body to `sink` as it comes, within the call that read it; return at its end.

        Raises: UpstreamBroken, UpstreamTimeout; what `sink` raises ends the exchange and is raised here.
        """

    @abstractmethod
    def pause(self, on: bool) -> None:
        """Stop or go on reading: back-pressure from whoever takes the bytes."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection up. Harmless when the body has ended: then it has gone back to the pool."""


class Served(Struct, frozen=True, gc=False):
    """What is told of an answer beside its content."""

    receipt_id: str
    deployment: str
    headers: Mapping[bytes, bytes]
    """The upstream's."""
    told: bytes = b""
    """Header lines that tell more of how it came about."""
    content_type: bytes = b""
    """Of what the caller gets, where that isn't the upstream's; empty: the upstream's."""
    losses: tuple[Loss, ...] = ()
    """What could not be carried, as far as it is known when the answer begins."""


class Reply(ABC):
    """Where a request's answer goes: the caller, in the caller's dialect."""

    @abstractmethod
    def whole(self, served: Served, body: bytes) -> None:
        """Answer at once."""

    @abstractmethod
    def begin(self, served: Served) -> None:
        """Start a stream."""

    @abstractmethod
    def write(self, piece: bytes) -> None:
        """Send a piece of a stream now."""

    @abstractmethod
    def end(self, last: bytes = b"") -> None:
        """Send the last piece, and end the stream."""

    def classed(self, data_class: DataClass) -> None:  # noqa: B027 - most replies keep nothing
        """The request is of this class: so is what is kept of it."""

    def keep(self, last: bytes) -> None:  # noqa: B027 - most replies keep nothing
        """The answer is whole, and nobody was told its end yet: what of it is to be kept is kept now.

        Args:
            last: What `whole` or `end` is going to be given.
        Raises: StoreError, and then the answer's end is not released.
        """

    @property
    def waits(self) -> bool:
        """Something has to be waited for by `settled` before the answer's end may be released."""
        return False

    async def settled(self, last: bytes) -> None:  # noqa: B027 - most replies wait for nothing
        """Wait for what decides whether the answer may be released.

        Args:
            last: What `whole` or `end` is going to be given.
        Raises: GuardBlocked, GuardFailed.
        """

    @abstractmethod
    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        """Answer with an error; in a stream that has begun, end it with one. `told`: more header lines."""

    @abstractmethod
    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        """Answer with the operator's own text where nobody could: told apart from any model's answer."""

    @abstractmethod
    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        """Call back with True when the caller takes bytes too slowly, with False when it has caught up."""


class Transport(ABC):
    """Sends requests to upstreams."""

    @abstractmethod
    def send(self, request: Outbound, *, fresh: bool = False) -> Coroutine[Any, Any, Inbound]:
        """Send, and wait for the answer's head; to be awaited at once. `fresh` asks for a new connection.

        Raises: UpstreamUnreachable, UpstreamTimeout, UpstreamBroken, StaleConnection, UpstreamMalformed, OverLimit.
        """


class Tickets(ABC):
    """Holds budget for attempts."""

    @abstractmethod
    def reserve(self, principal: Principal, deployment: str, bound_nano_usd: NanoUsd | None) -> Ticket:
        """Hold the most that an attempt may cost (None: unknown). Raises: OverLimit."""

    @abstractmethod
    def settle(self, ticket: Ticket, usage: Usage | None, cost_nano_usd: int | None) -> None:
        """Close a ticket, exactly once. Raises: ValueError when it is not open."""


class Journal(ABC):
    """Where a request is written down before it can be lost."""

    @abstractmethod
    def opened(self, told: Told, tail: bytes = b"}") -> None:
        """Before an attempt is sent. Raises: StoreError, and then nothing may be sent.

        Args:
            told: All of a receipt, or what isn't in `tail`.
            tail: The rest, as `Basis.tail` gives it.
        """

    @abstractmethod
    def closed(self, told: Told, tail: bytes = b"}") -> None:
        """Before the answer's last byte is released. Raises: StoreError."""

    @abstractmethod
    def owe(self, told: Told, tail: bytes = b"}") -> None:
        """The same when it failed: keep the receipt in memory, and write it before the next record. Never fails."""

    @abstractmethod
    def held(self, holds: Holds) -> None:
        """Which accounts records name by the id of these holds; before the first of them. Raises: StoreError."""

    @abstractmethod
    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        """Keep encrypted content beside a receipt, until a time or as long as configured. Raises: StoreError."""


class Store(ABC):
    """Reads what was recorded."""

    @abstractmethod
    def receipt(self, receipt_id: str) -> Receipt | None:
        """The receipt, also when the journal has it and no table yet; None when there is none."""

    @abstractmethod
    def last(self, tenant: str | None = None) -> Receipt | None:
        """The newest receipt, of one tenant or of all."""

    @abstractmethod
    def content(self, receipt_id: str) -> bytes | None:
        """Encrypted content that was captured with a receipt; None when there is none."""


class Kept(ABC):
    """Keeps what callers leave between requests. Every worker knows at once what any of them was given."""

    @abstractmethod
    def keep(self, entries: Sequence[Entry]) -> None:
        """Keep all of them, or none. Raises: StoreError."""

    @abstractmethod
    def find(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Entries by key, those that are gone left out, but not those whose time is over. Blocks on files."""

    @abstractmethod
    def parts(self, key: str) -> list[Entry]:
        """The parts of a whole, in order. Blocks on files."""


class Scores(ABC):
    """Keeps how good answers were."""

    @abstractmethod
    def put(self, scores: Sequence[Score]) -> None:
        """Keep all of them, or none. Of several of one id the last counts. Raises: StoreError."""

    @abstractmethod
    def of(self, receipt_id: str) -> list[Score]:
        """Scores of one answer, also those that the journal has and no table yet. Blocks on files."""

    @abstractmethod
    def tallies(self, tenant: str = "") -> list[Tally]:
        """What a tenant's scores come to; empty: everybody's. Those in the journal alone are left out. Blocks on files."""


GUESSED = 16
"""A credential that is shorter could be guessed by whoever may try often enough: 15 letters and digits by chance are 89
bits, but people write words."""


class Identity(ABC):
    """Knows who a credential stands for."""

    @abstractmethod
    def principal(self, credential: bytes | None) -> Principal | None:
        """Who calls with this key; None when it isn't taken. No key may be a principal too."""

    @abstractmethod
    def refusal(self, credential: bytes | None) -> NotAuthenticated:
        """Why a key isn't taken, for whoever sent it."""

    async def learn(self, credential: bytes | None, peer: Peer) -> Principal:
        """Find out who calls, where `principal` doesn't know, or where the credential is short enough to be guessed.

        Args:
            peer: Where it came from.
        Raises: NotAuthenticated; OverLimit (429, with `retry_after_s`), where that address guesses credentials;
            Unavailable (503), where whoever could tell can't be reached.
        """
        principal = self.principal(credential)
        if principal is None:
            raise self.refusal(credential)
        return principal

    def standing(self, principal: Principal) -> Principal:
        """A caller of before as it stands at present, with the rights that it has by now. From memory: nothing waits.

        Raises: NotAuthenticated, where it may call no more, or its name is somebody else's by now.
        """
        return principal


class Sealer(ABC):
    """Encrypts content at rest."""

    @abstractmethod
    def seal(self, plain: bytes, context: str, *, tenant: str = "", subject: str = "") -> bytes:
        """Encrypt. Once `ready` was awaited for this tenant it waits for nothing.

        Args:
            context: Bound to the result; must be given again.
            tenant: By whose key.
            subject: Whose data it is: erased with them. Empty: the tenant's own.
        Raises: StoreError, where no key is at hand.
        """

    @abstractmethod
    def unseal(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Blocks on files or sockets where the key is not at hand: see `prepare`.

        Raises: StoreError when key, context or bytes are wrong; Erased, when its key was destroyed.
        """

    @abstractmethod
    def stamp(self, text: bytes) -> bytes:
        """32 bytes that nobody without the key can make: the same for the same text, in every process."""

    async def ready(self, tenant: str) -> None:  # noqa: B027 - a key in a file is always at hand
        """Have a tenant's key at hand, so that `seal` need not wait. Raises: StoreError."""

    async def prepare(self, sealed: Sequence[bytes]) -> None:  # noqa: B027 - the same
        """Have the keys of these at hand, as far as they are there, so that `unseal` need not wait. Raises: StoreError."""


class AuditNotes(ABC):
    """Takes down what happened for auditors; it is chained later, once and in order."""

    @abstractmethod
    def note(self, event: Event) -> None:
        """Note an event: it survives the process once this returns. What it tells of is done only then.

        Blocks on files or sockets: call it beside the loop, but for a worker's own, which writes to the journal and is
        called on the loop's thread. Raises: StoreError.
        """


class TokenVault(ABC):
    """Stands tokens in the place of what may not leave, and knows what they stand for."""

    async def ready(self, tenant: str) -> None:  # noqa: B027 - most need nothing
        """Fetch what tokens of a tenant are made by, so that `token` waits for nothing. Raises: StoreError."""

    @abstractmethod
    def token(self, tenant: str, kind: str, value: str) -> str:
        """The token of a value: the same for the same value of a tenant, in every process, and no other's. Fixed length
        for a kind, none the beginning of another: `[[EMAIL_7F3A91C2]]`.
        """

    @abstractmethod
    async def keep(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        """Keep what tokens stand for, sealed, before they leave. Known ones cost nothing. Raises: StoreError.

        Args:
            subject: Whose data it is: shredded with them.
            tokens: Values by token.
        """

    @abstractmethod
    def keep_now(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        """The same for whoever can't wait, such as a stream: whether one stands for another value already is not looked up.

        Raises: StoreError.
        """

    @abstractmethod
    async def reveal(self, tenant: str, tokens: Sequence[str]) -> dict[str, str]:
        """What tokens stand for; those that are unknown, lapsed or erased are left out. Raises: StoreError."""


class KeyWrapper(ABC):
    """Wraps data keys by a key that never leaves where it is kept: a file, a KMS, an HSM. Blocks; asked beside the loop."""

    name: str
    """Which key it wraps by, with its version; stands beside what it wrapped."""

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """Make a data key of 256 bits. Returns: the key, and the key wrapped. Raises: StoreError."""
        key = urandom(32)
        return key, self.wrap(key, context)

    @abstractmethod
    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt a data key; `context` is bound to it. Raises: StoreError."""

    @abstractmethod
    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Raises: StoreError, Erased where the wrapping key was destroyed."""


class Approvals(ABC):
    """Asks people. What was asked survives the process."""

    @abstractmethod
    async def ask(self, wish: Wish) -> Approval:
        """Put a wish before people; kept once this returns. The same wish (tenant, by, digest) that still waits is found
        again rather than asked twice. Raises: StoreError, OverLimit where too many wait.
        """

    @abstractmethod
    async def find(self, tenant: str, approval_id: str) -> Approval | None:
        """How it stands; None: there is none of this tenant. Raises: StoreError."""

    @abstractmethod
    async def wait(self, tenant: str, approval_id: str, until_s: float) -> Approval:
        """Wait until it is settled, or until a time on the steady clock. Raises: StoreError, NotFound."""

    @abstractmethod
    async def use(self, tenant: str, approval_id: str) -> bool:
        """Take what it allows, once in all processes. Returns: whether it was there to be taken. Raises: StoreError."""


class Sought(Struct, frozen=True, gc=False, kw_only=True):
    """A model call that an agent is to answer."""

    agent: str
    principal: Principal
    receipt: str
    """Of the call: the same call made again finds the run that it began."""
    request: Request
    outbound: Outbound
    """What is asked, in the words of `wire.agent_run`, and how long the answer may take."""
    ran: Callable[[Ran], None]
    """Tells the call's receipt of the run, as it stands; what is told last counts."""
    trace: Trace | None = None
    """What it is asked within."""


class Runner(ABC):
    """Answers for deployments that are agents, in the place of an upstream."""

    @abstractmethod
    def run(self, sought: Sought) -> Coroutine[Any, Any, Inbound]:
        """Begin a run, or find the one that this call began or names. Once awaited: its answer in OpenAI's chat dialect,
        whole, or as a stream that tells how it goes.

        Raises: NotFound, NotAllowed, BadRequest, OverLimit, StoreError, RunWaits, RunUnfinished, RunFailed; of a stream
            that has begun, `Inbound.relay` raises them.
        """
