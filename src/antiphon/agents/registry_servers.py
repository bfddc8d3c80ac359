"""Our MCP endpoints as a registry of servers tells of them, so that clients that read one find them.

Source: registry.modelcontextprotocol.io, API v0.1 and `server.json` of 2025-12-11.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from antiphon import __version__
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.principal import Principal

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
OFFICIAL = "io.modelcontextprotocol.registry/official"
WHOLE, AGENTS = "antiphon", "agents"
MOST_PAGE, USUAL_PAGE = 100, 30


class Asked(Struct, frozen=True, kw_only=True):
    """A page of servers."""

    limit: int = USUAL_PAGE
    cursor: str = ""
    search: str = ""
    updated_since: str = ""
    version: str = ""


class Servers:
    """One caller's servers."""

    def __init__(self, shelf: Shelf, principal: Principal, base_url: str, since_s: int) -> None:
        """Args:
        base_url: Of this gateway, as the caller reaches it.
        since_s: When these documents came into force, seconds since the epoch.
        """
        self._shelf, self._principal, self._base_url = shelf, principal, base_url
        self._since = datetime.fromtimestamp(since_s, UTC)
        self._published = self._since.isoformat().replace("+00:00", "Z")
        self._prefix = _reversed(_host(base_url) or "localhost")

    def page(self, asked: Asked) -> dict[str, Any]:
        """Raises: BadRequest."""
        if not 1 <= asked.limit <= MOST_PAGE:
            raise BadRequest(f"limit: {asked.limit} is not between 1 and {MOST_PAGE}", param="limit")
        word, since = asked.search.lower(), _time(asked.updated_since)
        found = [
            one
            for one in self._all()
            if word in one["name"].lower()
            and (asked.version in ("", "latest") or asked.version == one["version"])
            and (since is None or self._since >= since)
        ]
        names = [one["name"] for one in found]
        if asked.cursor and asked.cursor not in names:
            raise BadRequest("cursor: it is of no page that there is; begin at the first", param="cursor")
        start = names.index(asked.cursor) + 1 if asked.cursor else 0
        shown = found[start : start + asked.limit]
        metadata: dict[str, Any] = {"count": len(shown)}
        if start + len(shown) < len(found):
            metadata["nextCursor"] = shown[-1]["name"]
        return {"servers": [self._told(one) for one in shown], "metadata": metadata}

    def versions(self, name: str) -> dict[str, Any]:
        """Raises: NotFound."""
        return {"servers": [self.one(name, "latest")], "metadata": {"count": 1}}

    def one(self, name: str, version: str) -> dict[str, Any]:
        """Raises: NotFound."""
        for one in self._all():
            if one["name"] == name and version in ("latest", one["version"]):
                return self._told(one)
        raise NotFound(
            f"there is no server {name[:128]!r} of version {version[:32]!r}; see GET /v0.1/servers", param="name"
        )

    def _all(self) -> Iterator[dict[str, Any]]:
        yield self._server(WHOLE, "Tools of all servers, and agents, of this gateway.", __version__, "/mcp")
        if any(one.spec.listed for one in self._shelf.visible(self._principal)):
            yield self._server(AGENTS, "Agents of this gateway as tools.", __version__, "/mcp/agent")
        for name, document in sorted(self._shelf.of("ToolServer").items()):
            spec, metadata = document.spec, document.metadata
            mine = metadata.tenant in ("", self._principal.tenant)
            if isinstance(spec, ToolServerSpec) and spec.gateway and mine:
                description = metadata.description or f"The tools of {name}."
                yield self._server(name, description, document.version, f"/mcp/{name}", metadata.title)

    def _server(self, name: str, description: str, version: str, path: str, title: str = "") -> dict[str, Any]:
        return {
            "$schema": SCHEMA,
            "name": f"{self._prefix}/{name}",
            "description": description[:100],
            "version": version,
            "remotes": [{"type": "streamable-http", "url": f"{self._base_url}{path}"}],
            **({"title": title[:100]} if title else {}),
        }

    def _told(self, server: dict[str, Any]) -> dict[str, Any]:
        state = {
            "status": "active",
            "publishedAt": self._published,
            "updatedAt": self._published,
            "isLatest": True,
        }
        return {"server": server, "_meta": {OFFICIAL: state}}


def _host(url: str) -> str:
    """Empty, where a caller's `Host` is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _reversed(host: str) -> str:
    """A host as the first part of a name: `gateway.example.com` is `com.example.gateway`; an address stays as it is."""
    if host.replace(".", "").isdigit() or ":" in host:
        return host.replace(":", "-")
    return ".".join(reversed(host.split(".")))


def _time(text: str) -> datetime | None:
    """Raises: BadRequest."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"updated_since: {text[:64]!r} is no time of RFC 3339", param="updated_since") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
