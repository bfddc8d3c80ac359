"""Whether each provider's address can be reached: name, TCP and TLS, no call of a model."""

import asyncio
import os
import socket
import ssl
import time
from urllib.parse import urlsplit

from antiphon.cli import text
from antiphon.cli.checks.finding import Finding, note, ok, wrong
from antiphon.cli.summary import Provider, providers
from antiphon.config.resolve import profile_name
from antiphon.config.settings import Settings
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Origin
from antiphon.net.dial import dial
from antiphon.net.egress import egress_of
from antiphon.net.upstream import Upstream
from antiphon.providers.profiles import PROFILES

DEADLINE_S = 3.0


async def reachable(settings: Settings) -> list[Finding]:
    """One finding for each provider; all are tried at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_provider(settings, one)) for one in providers(settings)]
    return [task.result() for task in tasks]


async def _provider(settings: Settings, one: Provider) -> Finding:
    about = f"provider {one.name}"
    if not one.on:
        return note(about, "off", one.why)
    origin = _origin(settings, one.name)
    if origin is None:
        return ok(about, one.why)
    started_s = time.perf_counter()
    try:
        async with asyncio.timeout(DEADLINE_S):
            connection = await dial(origin, lambda: Upstream(lambda _, __: None), egress_of(settings.egress))
    except TimeoutError:
        return wrong(about, f"no connection to {_where(origin)} within {DEADLINE_S:g} s", _remedy(one.name, origin))
    except (OSError, AntiphonError) as error:
        return wrong(about, f"no connection to {_where(origin)}: {_reason(error)}", _remedy(one.name, origin))
    connection.transport.abort()
    return ok(about, f"{_where(origin)} answers within {text.seconds(time.perf_counter() - started_s)}; {one.why}")


def _origin(settings: Settings, name: str) -> Origin | None:
    """Where it is; None for lab models, which the gateway runs itself."""
    provider = settings.providers[name]
    base_url = provider.base_url or PROFILES[profile_name(settings, name)].base_url
    if base_url is None:
        return None
    parts = urlsplit(base_url)
    tls = parts.scheme == "https"
    return Origin(
        host=parts.hostname or "",
        port=parts.port or (443 if tls else 80),
        tls=tls,
        ca_file=provider.ca_file,
        proxy=provider.proxy,
        networks=tuple(provider.networks),
    )


def _where(origin: Origin) -> str:
    """Its name and port, without what may stand before them in a URL."""
    proxied = " by its proxy" if origin.proxy else ""
    return f"{origin.host}:{origin.port}{proxied}"


def _reason(error: Exception) -> str:
    match error:
        case AntiphonError():
            return error.noted
        case socket.gaierror():
            return f"its name is not known ({error.strerror})"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case _:
            return str(error)


def _remedy(name: str, origin: Origin) -> str:
    what = f"providers.{name}.proxy" if origin.proxy else f"providers.{name}.base_url"
    return f"check {what} and this machine's network" + ("; its authority goes in ca_file" if origin.tls else "")
