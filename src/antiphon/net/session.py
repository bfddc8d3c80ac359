"""A session of `requests` under the rules of egress, for libraries that bring their own HTTP: it asks no proxy of the
environment's, follows no redirect, and connects to addresses that were checked.
"""

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.util.connection import create_connection

from antiphon.core.error import EgressRefused
from antiphon.core.ports import Origin
from antiphon.net.egress import Egress, numeric


def session(egress: Egress) -> requests.Session:
    """Blocks on sockets as `requests` does. A host that is refused is told as `requests.ConnectionError`."""
    made = _Session()
    made.trust_env = False
    adapter = _Adapter(egress)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """There is none: whoever asks gets the redirect as its answer."""
        return None


class _Adapter(HTTPAdapter):
    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = _pools(self._egress)


def _pools(egress: Egress) -> dict[str, type[HTTPConnectionPool]]:
    """Pools whose connections go where the rules let them."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, egress)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, egress)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType] - urllib3's own do not fit its protocol either

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: HTTPConnection, egress: Egress) -> socket.socket:
    """Look the name up, check, and connect. Raises: NewConnectionError."""
    host, port, first = connection.host.strip("[]"), connection.port or connection.default_port, None
    origin = Origin(host=host, port=port)
    try:
        egress.check_name(origin)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        places = egress.checked(origin, list(dict.fromkeys(numeric(one[4]) for one in found)))
    except (EgressRefused, OSError, UnicodeError) as error:
        raise NewConnectionError(connection, str(error)) from error
    timeout_s = connection.timeout if isinstance(connection.timeout, int | float) else 10.0
    for place in places:
        try:
            return create_connection((place, port), timeout_s, socket_options=connection.socket_options)
        except OSError as error:
            first = first or error
    raise NewConnectionError(connection, str(first))
