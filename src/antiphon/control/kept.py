"""What providers say of files and batches, in the words of the tenant whose they are."""

from msgspec import DecodeError, Raw, json

from antiphon.control.handles import Handles, Kind
from antiphon.core.error import BadRequest, UpstreamMalformed

Entry = dict[str, Raw]
_entry = json.Decoder(Entry)
_entries = json.Decoder(list[Entry])
_text = json.Decoder(str | None)
_pairs = json.Decoder(dict[str, str] | None)
MARK = "antiphon_tenant"
"""Key in a batch's metadata that says whose it is."""
LINES_PURPOSE = "batch"


def entry(body: bytes, account: str) -> Entry:
    """One object. Raises: UpstreamMalformed."""
    try:
        return _entry.decode(body)
    except DecodeError:
        raise UpstreamMalformed(f"{account} answered with no JSON object") from None


def page(body: bytes, account: str) -> tuple[list[Entry], bool]:
    """A list's entries, and whether there are more. Raises: UpstreamMalformed."""
    read = entry(body, account)
    try:
        return _entries.decode(read.get("data", Raw(b"[]"))), bytes(read.get("has_more", Raw(b"false"))) == b"true"
    except DecodeError:
        raise UpstreamMalformed(f"{account} answered with no list") from None


def text(read: Entry, name: str) -> str:
    """A field's text; empty where there is none."""
    try:
        return _text.decode(read.get(name, Raw(b"null"))) or ""
    except DecodeError:
        return ""


def file(read: Entry, account: str, handles: Handles) -> Entry:
    """A file as its tenant sees it."""
    own = text(read, "id")
    named = text(read, "filename")
    out = dict(read)
    out["id"] = Raw(json.encode(handles.wrap(kind_of(read), account, own)))
    if named.startswith(handles.tag):
        out["filename"] = Raw(json.encode(named.removeprefix(handles.tag)))
    return out


def kind_of(read: Entry) -> Kind:
    """What a file is for."""
    return "lines" if text(read, "purpose") == LINES_PURPOSE else "file"


def is_own_file(read: Entry, handles: Handles) -> bool:
    """Whether a file was kept for this tenant."""
    return text(read, "filename").startswith(handles.tag)


def batch(read: Entry, account: str, handles: Handles) -> Entry:
    """A batch as its tenant sees it."""
    out = dict(read)
    kinds: tuple[tuple[str, Kind], ...] = (
        ("id", "batch"),
        ("input_file_id", "lines"),
        ("output_file_id", "file"),
        ("error_file_id", "file"),
    )
    for name, kind in kinds:
        own = text(read, name)
        if own:
            out[name] = Raw(json.encode(handles.wrap(kind, account, own)))
    said = pairs(read)
    if MARK in said:
        left = {name: value for name, value in said.items() if name != MARK}
        out["metadata"] = Raw(json.encode(left or None))
    return out


def is_own_batch(read: Entry, handles: Handles) -> bool:
    """Whether a batch was made for this tenant."""
    return pairs(read).get(MARK) == handles.tag


def pairs(read: Entry) -> dict[str, str]:
    """A batch's metadata; empty where there is none that can be read."""
    try:
        return _pairs.decode(read.get("metadata", Raw(b"null"))) or {}
    except DecodeError:
        return {}


def asked(body: bytes) -> Entry:
    """What a caller asks for. Raises: BadRequest."""
    try:
        return _entry.decode(body)
    except DecodeError as error:
        raise BadRequest(f"the body is no JSON object: {error}") from None
