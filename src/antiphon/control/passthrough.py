"""Any path of a provider's API, asked with our credential: who may ask, and what of a request goes on."""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import unquote

from antiphon.calls.errands import FREE
from antiphon.calls.story import Story
from antiphon.control.desk import Desk
from antiphon.control.gated import gated
from antiphon.control.passthrough_meter import metered
from antiphon.control.passthrough_path import path_of, query_of
from antiphon.control.relayed import Out, carried, coding_of, relay
from antiphon.core.body import Body
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.governance.parts import Errand
from antiphon.providers.raw import Asking, Raw, withheld
from antiphon.wire import json_head, trace
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import JSON

READS = frozenset({"GET", "HEAD", "DELETE"})
"""Methods that cost nothing."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MAY = Verdict(allowed=True, reasons=("key.passthrough", "provider.passthrough"))
MAY_NOT = Verdict(allowed=False, reasons=("key.passthrough", "provider.passthrough"))
_NAMED = re.compile(r"(?:^|/)(?:models|tunedModels|model|deployments)/([^/:]+)")


async def passthrough(desk: Desk, story: Story, said: bytes, method: str, query: bytes, body: Body, out: Out) -> None:
    """Answer one request; `said` is its path behind `/passthrough/`. Run it by `Desk.run`. Raises: AntiphonError."""
    story.verdict = MAY_NOT
    name, slash, rest = said.partition(b"/")
    raw = account(desk, story.principal, name.decode("latin-1"))
    path, asked = path_of(slash + rest), query_of(query)
    if raw.root and (path == raw.root or path.startswith(f"{raw.root}/")):
        path = path[len(raw.root) :] or "/"
    if method not in METHODS or not raw.allows(method, path):
        raise NotAllowed(
            f"{method} {path} of {raw.name} may not be asked for as it is; `providers.{raw.name}.passthrough.allow` "
            "lists what may",
            code="passthrough_not_allowed",
        )
    meter, model = raw.meter(path)
    named = await _model(story.principal, story.arrival.headers, body) or model
    for one in {named, *_NAMED.findall(path)} - {""}:
        check_model(story.principal, raw, one)
    story.verdict = MAY
    lines = carried(story.arrival.headers, withheld(raw.account)) + trace.encode(story.span)
    kind = story.arrival.headers.get(b"content-type", b"")
    errand = Errand(
        body=body,
        content_type=kind,
        coding=coding_of(story.arrival.headers),
        account=raw.name,
        model=next(filter(story.principal.may_ask, raw.public.get(named, ())), named),
        own=raw.models[named].name if named in raw.models else "",
        query=f"{unquote(path)} {unquote(asked)}",
    )
    governed = await desk.governed(story, errand)
    asking = Asking(method=method, path=path, query=asked, lines=lines, body=governed.body.segments)
    begun = await desk.send(story, raw, asking, FREE if method in READS else raw.hold)
    reading = metered(meter if method == "POST" else None, named)
    await relay(desk, story, raw, begun.attempt, reading, gated(out, story, governed))


def account(desk: Desk, principal: Principal, name: str) -> Raw:
    """The account that a caller may ask as it is. Raises: NotAllowed, NotFound."""
    raw = desk.accounts.get(name)
    if not principal.may_pass(name):
        raise NotAllowed(
            f"the key {principal.key!r} may not ask {name!r} as it is; list it under the key's `passthrough`",
            code="passthrough_not_allowed",
        )
    if raw is None or not raw.enabled:
        raise NotFound(
            f"no provider {name!r} may be asked as it is; `providers.NAME.passthrough.enabled` says which may",
            code="provider_not_found",
        )
    return raw


async def _model(principal: Principal, headers: Mapping[bytes, bytes], body: Body) -> str:
    """The model that a request's body names. Raises: BadRequest, NotAllowed, where a limited key's can't be read."""
    if not body.size_bytes:
        return ""
    kind = headers.get(b"content-type", b"").lower()
    try:
        if not kind.startswith(JSON) or coding_of(headers):
            raise BadRequest("the body is not JSON, so that the model that it names can't be read")
        model = (await _fields(body)).get("model")
    except BadRequest as error:
        if principal.limited:
            raise NotAllowed(
                f"the key {principal.key!r} is limited to some models, and {error.message}",
                code="model_not_allowed",
            ) from None
        return ""
    return model if isinstance(model, str) else ""


async def _fields(body: Body) -> Mapping[str, object]:
    """Top-level fields of a body, a slice at a time where it is long. Raises: BadRequest."""
    if body.size_bytes < LONG_BYTES:
        return json_head.read(Body((body.whole(),))).fields
    for found in json_head.read_long(body, ("model",)):
        if found is not None:
            return found.fields
        await asyncio.sleep(0)
    raise BadRequest("the body could not be read")


def check_model(principal: Principal, raw: Raw, model: str) -> None:
    """Whether a key may ask for a provider's model. One that lists none may ask for all. Raises: NotAllowed."""
    deployment = raw.models.get(model)
    names = raw.public.get(model, ())
    if principal.limited and not any(principal.may_ask(name) for name in names):
        shown = "" if deployment is not None else ", which is no model of the configuration"
        raise NotAllowed(
            f"the key {principal.key!r} may not ask {raw.name} for {model!r}{shown}; GET /v1/models lists what it may",
            code="model_not_allowed",
            param="model",
        )
