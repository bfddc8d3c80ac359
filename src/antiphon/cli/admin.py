"""Asks the admin API: of the gateway that is named or runs here, else the same use cases on its store."""

import asyncio
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import msgspec
from msgspec import Struct

from antiphon.admin.ask import Ask
from antiphon.admin.desk import Desk
from antiphon.admin.routes import find
from antiphon.app.desk import desk_of
from antiphon.app.objects import prepare
from antiphon.app.places import ADDRESS_FILE, KEY_FILE, owned
from antiphon.cli import values
from antiphon.cli.configured import configured
from antiphon.cli.http import Address, connected
from antiphon.cli.terminal import aside
from antiphon.config.load import Loaded, environment
from antiphon.control.who import COMMAND
from antiphon.core.error import UpstreamMalformed

TIMEOUT_S = 30.0
KEY_FROM = "an admin key in the variable ANTIPHON_ADMIN_KEY"
Json = dict[str, Any]


class Office(Struct, frozen=True, kw_only=True):
    """Where requests go: to an address, or to the store."""

    address: Address | None
    desk: Desk | None
    running: bool
    """A gateway works on that store."""
    opens: bool = False
    """While the store has no key, callers need none: the configuration has no key either, and no `admin`."""

    def ask(self, method: str, path: str, fields: Json | None = None, headers: Mapping[str, str] | None = None) -> Json:
        """The answer's document. Raises: AntiphonError, as the answer says."""
        body = b"" if fields is None else msgspec.json.encode(fields)
        told = {**({} if fields is None else {"Content-Type": "application/json"}), **(headers or {})}
        if self.address is not None:
            return _remote(self.address, method, path, body, told)
        assert self.desk is not None
        return _local(self.desk, method, path, body, told)

    def pages(self, path: str, query: str = "") -> Iterator[Json]:
        """Everything of a list."""
        after = ""
        while True:
            page = self.ask("GET", f"{path}?limit=1000&after={quote(after, safe='')}{query}")
            yield from page["data"]
            if page["next"] is None:
                return
            after = page["next"]

    def told(self, answer: Json) -> None:
        """Say for people how far a change has come, where it hasn't come all the way."""
        if answer.get("taken") is False:
            aside("Not every worker has taken this over yet; those that haven't do within seconds.")
        elif self.desk is not None and self.running:
            aside("Written to the store; the gateway that runs takes it over within about a second.")


def path_of(section: str, name: str = "", verb: str = "") -> str:
    """A path of the admin API."""
    parts = [section, *([quote(name, safe="")] if name else []), *([verb] if verb else [])]
    return "/admin/v1/" + "/".join(parts)


def office(arguments: Namespace) -> Office:
    """By `--url`, the variable ANTIPHON_ADMIN_URL, the gateway that runs on the data directory, or its store.

    Raises: ConfigError, StoreError.
    """
    environ = environment()
    url = arguments.url or environ.get("ANTIPHON_ADMIN_URL", "")
    key = arguments.key or environ.get("ANTIPHON_ADMIN_KEY", "")
    if url:
        return Office(address=_address(values.url(url), key), desk=None, running=True)
    loaded = configured(arguments)
    data = Path(loaded.settings.storage.dir)
    running = owned(data)
    here = _text(data / ADDRESS_FILE) if running else ""
    if here:
        return Office(address=_address(here, key or _key(loaded, data)), desk=None, running=True)
    prepare(loaded.settings)
    settings = loaded.settings
    opens = not settings.keys and settings.admin is None and not settings.identity.known
    return Office(address=None, desk=desk_of(loaded), running=running, opens=opens)


def _address(url: str, key: str) -> Address:
    return Address(url=url, key=key, timeout_s=TIMEOUT_S, key_from=KEY_FROM)


def _key(loaded: Loaded, data: Path) -> str:
    """The first admin key, as whoever may read the configuration and the data directory knows it."""
    admin = loaded.settings.admin
    return _text(data / KEY_FILE) if admin is None or admin.key is None else admin.key.reveal()


def _text(path: Path) -> str:
    return path.read_text("utf-8").strip() if path.exists() and os.access(path, os.R_OK) else ""


def _remote(address: Address, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Json:
    async def ask() -> bytes:
        async with connected(address) as gateway:
            return await gateway.ask(method, path, body, headers)

    said = asyncio.run(ask())
    try:
        return msgspec.json.decode(said, type=Json)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{address.url} answered no JSON object ({error}); is it an admin API?") from error


def _local(desk: Desk, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Json:
    bare, _, query = path.partition("?")
    route, names = find(method.encode(), bare.encode())
    told = {name.lower().encode(): value.encode() for name, value in headers.items()}
    done = route.act(desk, Ask(who=COMMAND, names=names, said=query.encode(), headers=told, body=body))
    return cast("Json", msgspec.to_builtins(done.value))
