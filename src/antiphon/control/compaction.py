"""A conversation made shorter: a model writes down what it has to know, and only we can read it again. What was written so
goes to any upstream as a message; what a provider itself has made shorter goes back to that provider as it came.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence

import msgspec

from antiphon.core.data_class import DataClass, data_class_of, highest
from antiphon.core.error import AntiphonError, BadRequest, Erased, StoreError, UpstreamMalformed
from antiphon.core.ports import Reply, Sealer, Served
from antiphon.core.usage import Usage
from antiphon.wire.codecs import CODECS
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.openai_responses.compaction import compacted, compaction_item
from antiphon.wire.openai_responses.state import Item

MARK = "antiphon.1."
PROMPT = (
    "Write down all that is needed to go on with this conversation without seeing it: what was asked for, what was found "
    "out and decided, names, numbers and exact words that matter, what is still open. Write it as notes, in the "
    "conversation's language, and write nothing else."
)
HEADING = "Notes of the conversation so far, which is not shown any more:\n\n"
_EDGE = "\x1e"
"""Around the class that stands before notes."""
_members = msgspec.json.Decoder(dict[str, object])


class Compactor:
    """Seals notes for one tenant, and opens them for that tenant alone."""

    def __init__(self, sealer: Sealer, new_id: Callable[[str], str]) -> None:
        self._sealer = sealer
        self.new_id = new_id

    def item(self, tenant: str, notes: str, data_class: DataClass | None = None) -> Item:
        text = f"{_EDGE}{data_class or ''}{_EDGE}{notes}"
        sealed = self._sealer.seal(text.encode(errors="replace"), _context(tenant), tenant=tenant)
        return compaction_item(self.new_id("cmp"), MARK + urlsafe_b64encode(sealed).decode())

    def opened(self, tenant: str, items: Sequence[object]) -> tuple[list[object], DataClass | None]:
        """Items with notes in the place of what we made of them, and the highest class of those; None: nothing is known
        of any. Raises: BadRequest, naming one that can't be read.
        """
        found = [self._open(tenant, index, item) for index, item in enumerate(items)]
        classes: list[DataClass | None] = [one for _, one in found if one is not None]
        return [item for item, _ in found], highest(*classes) if classes else None

    def _open(self, tenant: str, index: int, value: object) -> tuple[object, DataClass | None]:
        item = as_object(value)
        sealed = None if item is None or item.get("type") != "compaction" else item.get("encrypted_content")
        if not isinstance(sealed, str) or not sealed.startswith(MARK):
            return value, None
        try:
            text = self._sealer.unseal(urlsafe_b64decode(sealed.removeprefix(MARK)), _context(tenant)).decode()
        except (Erased, StoreError, ValueError):
            raise BadRequest(
                "this compaction can't be read: it was changed, or made for another tenant or by another gateway",
                param=f"input[{index}].encrypted_content",
            ) from None
        said, notes = text[1:].split(_EDGE, 1) if text.startswith(_EDGE) else ("", text)
        return {"type": "message", "role": "user", "content": HEADING + notes}, data_class_of(said)


def _context(tenant: str) -> str:
    return f"{tenant}/compaction"


def question(model: str, items: Sequence[object], *, instructions: object = None, data_class: object = None) -> bytes:
    """The request that has a model write its notes.

    Args:
        data_class: What the caller's metadata say of it.
    """
    said: dict[str, object] = {"model": model, "input": [*items, {"role": "user", "content": PROMPT}], "store": False}
    if instructions is not None:
        said["instructions"] = instructions
    if data_class is not None:
        said["metadata"] = {"data_class": data_class}
    return msgspec.json.encode(said)


class CompactReply(Reply):
    """Goes before the reply that writes: makes a compacted conversation of a model's notes."""

    __slots__ = ("_class", "_compactor", "_items", "_last", "_tenant", "_under")

    def __init__(self, under: Reply, compactor: Compactor, tenant: str, items: Sequence[object]) -> None:
        self._under = under
        self._compactor = compactor
        self._tenant = tenant
        self._items = items
        self._last = b""
        self._class: DataClass | None = None

    def classed(self, data_class: DataClass) -> None:
        self._class = data_class

    def keep(self, last: bytes) -> None:
        said = _members.decode(last)
        notes = _text(said)
        if not notes:
            raise UpstreamMalformed("the model wrote no notes of the conversation")
        own = [item for value in self._items if (item := as_object(value)) is not None and item.get("role") == "user"]
        output = [self._listed(item) for item in own] + [self._compactor.item(self._tenant, notes, self._class)]
        created = said.get("created_at")
        usage = CODECS["openai_responses"].facts(last).usage or Usage(input_tokens=0, output_tokens=0)
        seconds = int(created) if isinstance(created, int | float) else 0
        self._last = compacted(str(said.get("id")), seconds, output, usage)

    def _listed(self, item: Item) -> Item:
        content = item.get("content")
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        words = {"id": self._compactor.new_id("msg"), "type": "message", "status": "completed"}
        return {**words, **item, "content": parts}

    def whole(self, served: Served, body: bytes) -> None:
        self._under.whole(served, self._last)

    def begin(self, served: Served) -> None:
        raise RuntimeError("notes are asked for whole")

    def write(self, piece: bytes) -> None:
        raise RuntimeError("notes are asked for whole")

    def end(self, last: bytes = b"") -> None:
        raise RuntimeError("notes are asked for whole")

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self._under.error(error, receipt_id, told)

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        """An operator's own text is no conversation."""
        self._under.error(AntiphonError(text), receipt_id, told)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._under.on_pressure(callback)


def _text(said: dict[str, object]) -> str:
    """All that a response says."""
    out: list[str] = []
    for value in as_list(said.get("output")) or ():
        item = as_object(value) or {}
        for part in as_list(item.get("content")) or ():
            text = (as_object(part) or {}).get("text")
            if item.get("type") == "message" and isinstance(text, str):
                out.append(text)
    return "".join(out)
