"""A batch's lines: each names a model, which is checked and put in the provider's words before the file goes out.

Source: developers.openai.com/api/docs/guides/batch (2026-11): a line has `custom_id`, `method`, `url` and `body`; at most
50,000 lines a batch.
"""

from collections.abc import Iterator

from msgspec import DecodeError, Raw, json

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, NotAllowed, TooLarge
from antiphon.core.principal import Principal
from antiphon.providers.raw import Raw as Account

MAX_LINES = 50_000
MAX_LINE_BYTES = 4_194_304
SLICE_BYTES = 262_144
"""Bytes that are worked through at once, a line's rest aside."""
_object = json.Decoder(dict[str, Raw])
_text = json.Decoder(str)


def rewritten(body: Body, start: int, end: int, principal: Principal, account: Account) -> Iterator[bytes]:
    """A batch's file in slices, each with the lines that ended in it. Raises: BadRequest, NotAllowed, TooLarge."""
    number, rest = 0, b""
    for at in range(start, end, SLICE_BYTES):
        *whole, rest = (rest + body.slice(at, min(at + SLICE_BYTES, end))).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise TooLarge(f"line {number + len(whole) + 1} is longer than {MAX_LINE_BYTES} bytes", param="file")
        out: list[bytes] = []
        for line in whole:
            number += 1
            out.append(_line(line, number, principal, account))
        yield b"".join(out)
    if rest.strip():
        yield _line(rest, number + 1, principal, account)
    elif not number:
        raise BadRequest("the file has no lines", param="file")


def _line(text: bytes, number: int, principal: Principal, account: Account) -> bytes:
    """One line as it goes out; what it doesn't name as `model` keeps its very bytes."""
    if number > MAX_LINES:
        raise TooLarge(f"the file has more than {MAX_LINES} lines; make two of it", param="file")
    if not text.strip():
        return b""
    path = f"line {number}"
    if len(text) > MAX_LINE_BYTES:
        raise TooLarge(f"{path} is longer than {MAX_LINE_BYTES} bytes", param="file")
    line = _fields(text, path)
    if "body" not in line:
        raise BadRequest(f"{path} has no `body`", param=path)
    body = _fields(line["body"], f"{path}: body")
    body["model"] = Raw(json.encode(_model(body, path, principal, account)))
    line["body"] = Raw(json.encode(body))
    return json.encode(line) + b"\n"


def _model(body: dict[str, Raw], path: str, principal: Principal, account: Account) -> str:
    """The provider's id of the model that a line names. Raises: BadRequest, NotAllowed."""
    path = f"{path}: body.model"
    if "model" not in body:
        raise BadRequest(f"{path} is missing", param=path)
    try:
        name = _text.decode(body["model"])
    except DecodeError:
        raise BadRequest(f"{path} must be text", param=path) from None
    if not principal.may_ask(name):
        raise NotAllowed(
            f"{path}: the key {principal.key!r} may not ask for {name!r}; GET /v1/models lists what it may",
            code="model_not_allowed",
            param=path,
        )
    known = account.ids.get(name)
    if known is None:
        raise BadRequest(
            f"{path}: {name!r} is no model of {account.name}, where the batch would run",
            code="model_not_found",
            param=path,
        )
    deployment = account.models.get(known)
    barred = None if deployment is None else account.barred.get(deployment.name)
    if barred is not None:
        raise NotAllowed(
            f"{path}: a policy doesn't let {name!r} be asked here: {barred}", code="policy_denied", param=path
        )
    return known


def _fields(text: bytes | Raw, path: str) -> dict[str, Raw]:
    try:
        return _object.decode(text)
    except DecodeError as error:
        raise BadRequest(f"{path} is no JSON object: {error}", param=path) from None
