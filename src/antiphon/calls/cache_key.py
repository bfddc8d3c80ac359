"""What makes two requests the same for the cache: everything that changes the answer, and whose they are."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from antiphon.core.request import Request
from antiphon.providers.target import Target
from antiphon.wire.recall import Recalled


class Answering(Protocol):
    """Deployments that stand equal, as `Prepared` has them."""

    @property
    def on(self) -> str | None: ...

    @property
    def targets(self) -> dict[str, Target]: ...


class Whose(Struct, frozen=True, gc=False, kw_only=True):
    """Whom an answer may be given to: never to another tenant, nor for another class of data."""

    tenant: str
    data_class: str = ""
    """Empty: nobody classified it."""


class CacheKeys(Struct, frozen=True, gc=False):
    """Names of a request, 32 bytes each: nobody can make them without the key of the data."""

    exact: bytes
    group: bytes
    """Of those that it may be compared with; empty: none."""


def answerers(route: str, on_loss: str, ranks: Sequence[Answering]) -> bytes:
    """What of a revision decides on an answer, the prompt aside: who may give it, and what they are."""
    parts = [route, on_loss]
    for rank in ranks:
        parts.append(rank.on or "")
        for name, target in rank.targets.items():
            deployment, origin = target.deployment, target.origin
            parts += (name, deployment.provider, target.profile.name, deployment.model, origin.host, str(origin.port))
            parts += (f"{dialect} {_line(way.heads)}" for dialect, way in target.ways.items())
    return joined(*(part.encode() for part in parts))


def _line(heads: Sequence[bytes]) -> str:
    """The request line, which has the path; behind it the credential comes."""
    return heads[0].partition(b"\r\n")[0].decode("latin-1")


def keys_of(
    request: Request, recalled: Recalled, whose: Whose, answered_by: bytes, prompt: str, stamp: Callable[[bytes], bytes]
) -> CacheKeys:
    """Name a request.

    Args:
        answered_by: As `answerers` gives it.
        prompt: Of the plan: name and version.
        stamp: 32 bytes of a text, as `Sealer.stamp` gives them.
    """
    head = request.head
    around = joined(
        b"antiphon cache, version 1",
        whose.tenant.encode(),
        whose.data_class.encode(),
        answered_by,
        prompt.encode(),
        head.dialect.encode(),
        head.endpoint.encode(),
        b"stream" if head.stream else b"whole",
        request.lines,
    )
    exact = stamp(joined(around, b"same", recalled.digest))
    return CacheKeys(exact, stamp(joined(around, b"near", recalled.around)) if recalled.around else b"")


def joined(*parts: bytes) -> bytes:
    """Parts as one text that no other parts give."""
    return b"".join(b"%d:%b," % (len(part), part) for part in parts)
