"""Makes the tools of a revision's documents, and keeps those that stay the same."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.hands import Hand
from antiphon.agents.tools.labelled import handling
from antiphon.agents.tools.makers import hands_of, openapi_hands, pretended
from antiphon.agents.tools.openapi import described
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.settings_data import DocumentsSpec
from antiphon.agents.tools.settings_http import OpenApiSpec
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, BadRequest, StoreError
from antiphon.core.ports import Outbound
from antiphon.knowledge.collection import Collection
from antiphon.knowledge.index import Index
from antiphon.net.egress import origin_of
from antiphon.wire.yaml import LOADER

MOST_DOCUMENT_BYTES = 8_388_608
FETCH_S = 10.0
_SOURCE = "tool/"


class Workshop:
    """Keeps a toolbox as documents say. One for a process."""

    def __init__(self, box: Toolbox, parts: Parts, indexes: Path | None = None) -> None:
        """`indexes`: folder of the collections' indexes; None: in memory."""
        self._box, self._indexes = box, indexes
        self._parts = replace(parts, collection=self.collection)
        self._collections: dict[str, tuple[str, Collection]] = {}
        self._made: dict[str, str] = {}
        """By document: what its tools were made from."""
        self._fetched: dict[str, tuple[str, bytes]] = {}
        """Documents of OpenAPI by URL: what they were fetched for, and what came."""
        self._tools: dict[str, Document] = {}

    def collection(self, name: str) -> Collection | None:
        found = self._collections.get(name)
        return None if found is None else found[1]

    def know(self, others: Mapping[str, Mapping[str, Any]]) -> None:
        """Have the tools of these documents (`Shelf.others`) and no others of documents. Blocks on files that they name.

        What can't be made is in the toolbox's `unready`. Documents that are fetched come with `fetch`.
        """
        collections: Mapping[str, Document] = others.get("Collection", {})
        changed = self._collect(collections)
        tools = {name: _searched(one) for name, one in collections.items()} | dict(others.get("Tool", {}))
        for name in self._tools.keys() - tools.keys():
            self._box.drop(_SOURCE + name)
            self._box.unready.pop(name, None)
            self._made.pop(name, None)
        for name, document in tools.items():
            spec: ToolSpec = document.spec
            reads: set[str] = set() if spec.documents is None else set(spec.documents.collections)
            of = _identity(document)
            if self._made.get(name) != of or reads & changed:
                self._make(name, document)
                self._made[name] = of
        self._tools = tools

    async def fetch(self) -> None:
        """Fetch documents of OpenAPI that are named by URL and aren't here yet. What fails is in `unready`, and is tried
        again by the next call.
        """
        for name, document in tuple(self._tools.items()):
            api: OpenApiSpec | None = document.spec.openapi
            if api is None or not api.url or self._fetched.get(api.url, ("", b""))[0] == _identity(document):
                continue
            try:
                content = await self._get(api)
            except AntiphonError as error:
                self._box.unready[name] = f"{api.url} can't be fetched: {error.message}"
                continue
            self._fetched[api.url] = _identity(document), content
            self._make(name, document)

    async def look(self) -> None:
        """Take in what changed in the files of all collections, as far as that wasn't looked at lately. Raises: StoreError."""
        for _, collection in tuple(self._collections.values()):
            await collection.look()

    def close(self) -> None:
        for _, collection in self._collections.values():
            collection.close()
        self._collections = {}

    def _collect(self, documents: Mapping[str, Document]) -> set[str]:
        """Returns: names of those that changed."""
        changed: set[str] = set()
        for name in tuple(self._collections):
            if name not in documents or self._collections[name][0] != _identity(documents[name]):
                self._collections.pop(name)[1].close()
                changed.add(name)
        for name, document in documents.items():
            if name in self._collections:
                continue
            place = None if self._indexes is None else self._indexes / f"{name}.db"
            try:
                index = Index(name, document.spec, self._parts.base, place)
            except (StoreError, OSError) as error:
                self._box.unready[name] = str(error)
                continue
            tenant = document.metadata.tenant
            found = Collection(name, document.spec, index, self._parts.clock, tenant=tenant)
            self._collections[name] = _identity(document), found
            changed.add(name)
        return changed

    def _make(self, name: str, document: Document) -> None:
        self._box.unready.pop(name, None)
        try:
            hands = self._hands(document)
        except AntiphonError as error:
            self._box.drop(_SOURCE + name)
            self._box.unready[name] = error.message
            return
        how = handling(document)
        self._box.put(_SOURCE + name, [(hand, how) for hand in hands])

    def _hands(self, document: Document) -> list[Hand]:
        spec: ToolSpec = document.spec
        if spec.openapi is None:
            return hands_of(document, self._parts)
        found, unready = described(self._document(spec.openapi), spec.openapi)
        for one, why in unready.items():
            self._box.unready[f"{document.name}__{one}"] = why
        return pretended(spec, openapi_hands(document, found, self._parts))

    def _document(self, api: OpenApiSpec) -> Any:
        """An OpenAPI document as JSON. Raises: BadRequest."""
        if api.file:
            try:
                content = (self._parts.base / api.file).read_bytes()
            except OSError as error:
                raise BadRequest(f"{api.file} can't be read: {error.strerror}") from None
        elif api.url in self._fetched:
            content = self._fetched[api.url][1]
        else:
            raise BadRequest(f"{api.url} was not fetched yet")
        if api.sha256 and sha256(content).hexdigest() != api.sha256.lower():
            raise BadRequest("the document isn't the one that sha256 pins; look at it, and write its digest")
        return parsed(content)

    async def _get(self, api: OpenApiSpec) -> bytes:
        if self._parts.transport is None:
            raise BadRequest("there is no way to the network here")
        origin = origin_of(api.url, ca_file=api.ca_file, networks=tuple(api.networks))
        _, _, path = api.url.partition("://")[2].partition("/")
        head = (
            f"GET /{path} HTTP/1.1\r\nHost: {api.url.partition('://')[2].partition('/')[0]}\r\nUser-Agent: antiphon\r\n"
        )
        times = Timeouts(connect_s=FETCH_S, first_byte_s=FETCH_S, between_bytes_s=FETCH_S, total_s=FETCH_S)
        request = Outbound(origin=origin, head=head.encode("latin-1"), body=(), size_bytes=0, timeouts=times)
        inbound = await self._parts.transport.send(request)
        try:
            content = await inbound.read(MOST_DOCUMENT_BYTES)
        finally:
            inbound.close()
        if inbound.status != 200:
            raise BadRequest(f"it answered {inbound.status}")
        return content


def parsed(content: bytes) -> Any:
    """JSON, or YAML without aliases, which could grow without end. Raises: BadRequest."""
    if len(content) > MOST_DOCUMENT_BYTES:
        raise BadRequest(f"the document has {len(content)} bytes: at most {MOST_DOCUMENT_BYTES}")
    if content.lstrip()[:1] == b"{":
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"the document is no JSON: {error}") from None
    try:
        text = content.decode()
        if any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, Loader=LOADER)):
            raise BadRequest("the document has YAML aliases (*NAME), which aren't followed; write it as JSON")
        found: Any = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader, see wire/yaml.py
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise BadRequest(f"the document is no YAML: {str(error)[:200]}") from None
    return found


def _searched(collection: Document) -> Document:
    """A collection as a tool of its own name."""
    metadata: Metadata = collection.metadata
    spec = ToolSpec(documents=DocumentsSpec(collections=[collection.name]))
    return Document(kind="Tool", metadata=metadata, spec=spec, raw={}, digest=collection.digest)


def _identity(document: Document) -> str:
    return f"{document.digest}/{document.secret}/{document.metadata.tenant}"
