"""Where connections may go: hosts by name, and addresses by what the name leads to at the moment of connecting.

A name is looked up once, every address of it is checked, and the connection is made to one that was checked: what the name
leads to a moment later makes no difference (DNS rebinding). Redirects are never followed, so there is nothing else to check.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from antiphon.core.error import EgressRefused
from antiphon.core.ports import Origin
from antiphon.net.addresses import (
    WRITTEN_IS_DECLARED,
    Address,
    Network,
    inner,
    nature,
    network_of,
    parsed,
    plain,
    within,
)
from antiphon.net.settings_egress import EgressSettings

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host, in the order in which to try them. Raises: OSError, UnicodeError."""
ANYWHERE = ("0.0.0.0/0", "::/0")


async def system_resolver(host: str, port: int) -> list[str]:
    """By the operating system: its hosts file, its name servers, its order. Raises: socket.gaierror, UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(numeric(place[4]) for place in found))


def numeric(place: tuple[object, ...]) -> str:
    """An address of `getaddrinfo`, with its zone where it has one."""
    host, zone = str(place[0]), place[3] if len(place) > 3 else 0
    return f"{host}%{zone}" if zone and "%" not in host else host


class Allowed(Struct, frozen=True, gc=False):
    """A host, or with `below` all hosts below it, at one port or at any."""

    host: str
    below: bool = False
    port: int | None = None

    def holds(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host


class Egress(Struct, frozen=True, kw_only=True):
    """Rules of one configuration."""

    allow: tuple[Allowed, ...] | None = None
    """None: every host that the configuration names."""
    networks: tuple[Network, ...] = ()
    """Beside public addresses, what names may lead to."""
    resolve: Resolver = system_resolver

    async def addresses(self, origin: Origin) -> list[str]:
        """Addresses to connect to for an origin without a proxy, all of them checked.

        Raises: EgressRefused; OSError, UnicodeError: the name leads nowhere.
        """
        self.check_name(origin)
        found = [origin.host] if parsed(origin.host) is not None else await self.resolve(origin.host, origin.port)
        return self.checked(origin, found)

    def checked(self, origin: Origin, found: Sequence[str]) -> list[str]:
        """The same for one whose name was looked up: as long as one of its addresses is refused, it is not asked at all.

        Raises: EgressRefused; OSError, where there is no address.
        """
        self.check_name(origin)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        literal = parsed(origin.host)
        written = (literal is not None or _is_localhost(origin.host)) and not origin.foreign
        own = _networks(origin)
        return [self._check(origin, one, own, written=written) for one in found]

    async def proxy_addresses(self, origin: Origin, host: str, port: int) -> list[str]:
        """Addresses of an origin's proxy. The proxy looks the origin's name up, so what that leads to can't be checked:
        its name is, and an origin that has to lie in a network goes through no proxy unless it is an address of it.

        Raises: EgressRefused; OSError, UnicodeError.
        """
        self.check_name(origin)
        if parsed(origin.host) is not None:
            self.checked(origin, [origin.host])
        elif origin.networks or origin.foreign:
            raise EgressRefused(f"{origin.host} is reached through a proxy, and where that takes it can't be checked")
        proxy = Origin(host=host, port=port)
        return await Egress(networks=self.networks, resolve=self.resolve).addresses(proxy)

    def check_name(self, origin: Origin) -> None:
        """Raises: EgressRefused, when `egress.allow` has no place for a host."""
        if not self.names(origin.host, origin.port, foreign=origin.foreign):
            raise EgressRefused(f"{origin.host}:{origin.port} is not among the hosts of egress.allow")

    def names(self, host: str, port: int, *, foreign: bool = False) -> bool:
        """Whether a host may be asked by its name. This machine, written as such, needs no place in the list."""
        if self.allow is None:
            return True
        name = canonical(host)
        if not foreign and is_this_machine(name):
            return True
        return any(one.holds(name, port) for one in self.allow)

    def _check(self, origin: Origin, text: str, own: tuple[Network, ...], *, written: bool) -> str:
        """One address, as it is to be connected to. `own`: the networks that the origin is bound to.

        Raises: EgressRefused.
        """
        address = parsed(text)
        if address is None:
            raise EgressRefused(f"{origin.host} leads to {text}, which is no address")
        address = plain(address)
        where = origin.host if parsed(origin.host) is not None else f"{origin.host}, which leads to {address},"
        if own:
            if not within(address, own):
                raise EgressRefused(
                    f"{where} is outside the networks that it is bound to: {', '.join(origin.networks)}"
                )
        elif not self._permits(address, written=written):
            what = nature(address) or "of a zone"
            remedy = "name its network under `networks` if that is meant"
            raise EgressRefused(f"{where} is refused: the address is {what}; {remedy}")
        hidden = inner(address)
        if hidden is not None and not (within(hidden, own) or self._permits(hidden, written=False)):
            what = nature(hidden)
            raise EgressRefused(f"{where} is refused: it stands for {hidden}, which is {what}")
        return str(address)

    def _permits(self, address: Address, *, written: bool) -> bool:
        if within(address, self.networks):
            return True
        if getattr(address, "scope_id", None):
            return False
        what = nature(address)
        return not what or (written and what in WRITTEN_IS_DECLARED)


def _networks(origin: Origin) -> tuple[Network, ...]:
    """Those that an origin is bound to. Raises: EgressRefused, where one of them can't be read."""
    found = tuple(network_of(text) for text in origin.networks)
    read = tuple(one for one in found if one is not None)
    if len(read) < len(found):
        raise EgressRefused(f"{origin.host} is bound to networks that can't be read: {', '.join(origin.networks)}")
    return read


def egress_of(settings: EgressSettings, resolve: Resolver = system_resolver) -> Egress:
    """Rules as they are written; mistakes in them are the configuration's to report, and allow nothing."""
    allow = None if settings.allow is None else tuple(map(allowed, settings.allow))
    networks = tuple(network for text in settings.networks if (network := network_of(text)) is not None)
    return Egress(allow=allow, networks=networks, resolve=resolve)


OPEN = Egress(networks=tuple(network for text in ANYWHERE if (network := network_of(text)) is not None))
"""For a person at a terminal, who says where to go; metadata services are left out all the same."""


def allowed(text: str) -> Allowed:
    """`api.example.com`, `*.example.com`, `host:443`, `[fd00::1]:8080`."""
    host, port = text.strip(), None
    head, colon, tail = host.rpartition(":")
    if colon and tail.isdigit() and (":" not in head or head.endswith("]")):
        host, port = head, int(tail)
    if host.startswith("*."):
        return Allowed(canonical(host[2:]), below=True, port=port)
    return Allowed(canonical(host), port=port)


def canonical(host: str) -> str:
    """One spelling of a name: lower case, ASCII, no dot at its end; of an address the usual one."""
    address = parsed(host)
    if address is not None:
        return str(plain(address))
    name = host.lower().removesuffix(".")
    try:
        return name.encode("idna").decode("ascii") if not name.isascii() else name
    except UnicodeError:
        return name


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, as it is written."""
    address = parsed(host)
    return _is_localhost(host) if address is None else nature(plain(address)) == "loopback"


def _is_localhost(host: str) -> bool:
    return canonical(host) == "localhost"


def origin_of(url: str, *, ca_file: str | None = None, networks: tuple[str, ...] = (), foreign: bool = False) -> Origin:
    """Where an `http://` or `https://` URL leads. `foreign`: a stranger named it."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Origin(
        host=parts.hostname or "",
        port=parts.port or (443 if tls else 80),
        tls=tls,
        ca_file=ca_file,
        networks=networks,
        foreign=foreign,
    )
