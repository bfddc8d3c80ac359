"""The supervisor's side of the admin API: its socket, its process, and what is said between the two."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterable

import msgspec

from antiphon.app import administration
from antiphon.app.administration import Heard, Task, first_key
from antiphon.app.child import Child, fork
from antiphon.app.places import ADDRESS_FILE, Places
from antiphon.config.load import Loaded
from antiphon.core.error import ConfigError, Problem
from antiphon.net.listener import bind

PRIVATE = 0o600


class Admin:
    """Listens from the start on; its process is started, and started again when it dies."""

    def __init__(self, loaded: Loaded, override: Callable[[Loaded], Loaded], places: Places) -> None:
        """Raises: ConfigError, where the address is taken; StoreError."""
        self._loaded = loaded
        self._override = override
        self._places = places
        settings = loaded.settings.admin
        assert settings is not None
        self._listening = _bound(settings.host, settings.port)
        first_key(places.data, settings.key)
        _write_address(self.url, places)
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        name: str = self._listening.getsockname()[0]
        port: int = self._listening.getsockname()[1]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104 - any address of this machine
        scheme = "https" if self._loaded.settings.server.tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def control(self) -> socket.socket | None:
        """What its process is heard by."""
        return None if self._child is None else self._child.control

    @property
    def sockets(self) -> list[socket.socket]:
        """What no other process may keep open."""
        return [self._listening, *([self.control] if self.control is not None else [])]

    def start(self, closing: Iterable[socket.socket]) -> socket.socket:
        """Start the process. Returns: what it is heard by."""
        ours, theirs = socket.socketpair()
        task = Task(
            loaded=self._loaded,
            override=self._override,
            places=self._places,
            listening=self._listening,
            control=theirs,
        )
        private = [one for one in (*closing, ours) if one is not self._listening]
        self._child = fork(lambda: administration.run(task), closing=private, control=ours)
        theirs.close()
        return ours

    def died(self) -> Child | None:
        """Its process, when that has ended."""
        return self._child if self._child is not None and self._child.ended() else None

    def reload(self, loaded: Loaded) -> None:
        """Serve by another configuration."""
        self._loaded = loaded
        self._say(Heard(text=loaded.text))

    def reached(self, version: int) -> None:
        """Every worker works by this change."""
        self._say(Heard(reached=version))

    def _say(self, heard: Heard) -> None:
        if self.control is not None:
            with contextlib.suppress(OSError):  # it has just died; the next one starts with what holds then
                self.control.sendall(msgspec.json.encode(heard) + b"\n")

    def end(self) -> Child | None:
        """Take no more requests. Returns: the process, which ends soon."""
        self._listening.close()
        with contextlib.suppress(OSError):
            (self._places.data / ADDRESS_FILE).unlink()
        return self._child


def _bound(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        wrong = f"can't listen on {host}:{port}: {error.strerror or error}"
        remedy = "free the port, or choose another"
        raise ConfigError(
            [Problem(file="configuration", line=1, path="admin.port", wrong=wrong, remedy=remedy)]
        ) from error


def _write_address(url: str, places: Places) -> None:
    """For commands beside the gateway, in one step so that no half of it is ever read."""
    fresh = places.data / f"{ADDRESS_FILE}.new"
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, PRIVATE), "w") as file:
        file.write(f"{url}\n")
    fresh.replace(places.data / ADDRESS_FILE)
