"""The gateway's address: free, ours, or someone else's."""

import asyncio

from antiphon.app.places import Places, owned
from antiphon.cli.checks.finding import Finding, note, ok, wrong
from antiphon.cli.http import Address, connected
from antiphon.core.error import AntiphonError
from antiphon.net.listener import bind
from antiphon.server.settings import ServerSettings

DEADLINE_S = 3.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asks, doesn't listen


async def port(server: ServerSettings, places: Places) -> Finding:
    """Who has the port."""
    about, where = "port", f"{server.host}:{server.port}"
    if server.port == 0:
        return ok(about, "a free one is taken at each start")
    try:
        bind(server.host, server.port).close()
    except OSError as error:
        if not await _taken(server):
            return wrong(about, f"{where} can't be had: {error.strerror}", "give server.host and server.port another")
    else:
        return ok(about, f"{where} is free")
    return await _whose(server, places, where)


async def _taken(server: ServerSettings) -> bool:
    """Whether someone listens there."""
    host = ANYWHERE.get(server.host, server.host)
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, writer = await asyncio.open_connection(host, server.port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def _whose(server: ServerSettings, places: Places, where: str) -> Finding:
    about = "port"
    other = wrong(about, f"something else listens on {where}", "stop it, or give server.port another number")
    if server.tls is not None:
        return (
            ok(about, f"a gateway of this data directory runs; {where} takes connections")
            if owned(places.data)
            else other
        )
    host = ANYWHERE.get(server.host, server.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
    try:
        async with connected(Address(url=url, timeout_s=DEADLINE_S)) as gateway:
            live = await gateway.get("/livez")
            if live != b'{"status":"live"}':
                return other
            await gateway.get("/readyz")
    except AntiphonError as error:
        if error.said_code == "unavailable":
            return note(about, f"a gateway answers on {where} and says: {error.message}")
        return other
    if not owned(places.data):
        found = f"a gateway answers on {where}, but it has another data directory"
        return note(about, found, "give one of the two another server.port")
    return ok(about, f"our gateway answers on {where}, and is ready")
