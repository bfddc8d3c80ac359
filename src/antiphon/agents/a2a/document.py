"""Agents elsewhere as documents: `kind: RemoteAgent`."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from antiphon.agents.a2a.signing import usable
from antiphon.agents.documents.document import Document
from antiphon.agents.documents.kinds import Kind
from antiphon.agents.documents.library import Library, Wrong
from antiphon.core.data_class import DataClass
from antiphon.core.secret import Secret
from antiphon.net.egress import is_this_machine


class RemoteAgentSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An agent elsewhere that speaks A2A; agents here ask it as `a2a/NAME`."""

    url: Annotated[str, Meta(description="Where its card is found, by `/.well-known/agent-card.json` below it.")]
    token: Annotated[
        Secret | None, Meta(description="Sent as `Authorization: Bearer`; write `${env:NAME}`. Default: none.")
    ] = None
    headers: Annotated[dict[str, Secret], Meta(description="Sent with each request. Default: none.")] = {}
    card_keys: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Public keys (JWK) one of which has to have signed its card: Ed25519, P-256, P-384 or RSA. Default: none."
        ),
    ] = []
    card_keys_url: Annotated[
        str,
        Meta(
            description="Where a JWK Set of such keys is, by `https`. Default: none, and the card needs no signature."
        ),
    ] = ""
    networks: Annotated[
        list[str], Meta(description="The only networks that it may be reached in. Default: as egress rules allow.")
    ] = []
    ca_file: Annotated[str, Meta(description="Certificates that its own is checked by. Default: the system's.")] = ""
    skills: Annotated[
        list[str], Meta(description="Skills that it is found by, beside those of its card. Default: none.")
    ] = []
    takes: Annotated[DataClass, Meta(description="The highest class of data that it is sent. Default internal.")] = (
        "internal"
    )
    trusted: Annotated[
        bool, Meta(description="What it answers counts as written by ourselves. Default off: as written by strangers.")
    ] = False
    cost_usd: Annotated[
        float, Meta(ge=0, le=1_000_000, description="What one task costs, in USD; held before it. Default 0.")
    ] = 0.0
    timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="Most seconds of one task. Default 600.")] = 600.0
    concurrency: Annotated[int, Meta(ge=1, le=1000, description="Tasks at once of one process. Default 16.")] = 16
    most_answer_bytes: Annotated[
        int, Meta(ge=200, le=67_108_864, description="Longest answer that is read. Default 1048576.")
    ] = 1_048_576


def check_remote(document: Document, _library: Library) -> Iterator[Wrong]:
    """What is wrong with a remote agent beyond its form."""
    spec = document.spec
    assert isinstance(spec, RemoteAgentSpec)
    if not spec.url.startswith(("https://", "http://")) or "?" in spec.url or "#" in spec.url:
        yield ("spec", "url"), "it is no address of an agent", "write https://HOST/PATH, without a query"
    if spec.token is not None and any(name.lower() == "authorization" for name in spec.headers):
        yield ("spec", "headers"), "`Authorization` is there beside `token`", "keep one of them"
    for at, key in enumerate(spec.card_keys):
        if not usable(key):
            yield (
                ("spec", "card_keys", at),
                "is no key that signatures are verified by",
                "write a public JWK, such as OKP Ed25519",
            )
    if (
        spec.card_keys_url
        and not spec.card_keys_url.startswith("https://")
        and not is_this_machine(urlsplit(spec.card_keys_url).hostname or "")
    ):
        yield (
            ("spec", "card_keys_url"),
            "it has to be an https address",
            "keys that anybody on the way can change prove nothing",
        )
    for name, value in spec.headers.items():
        if not (name.isascii() and name.replace("-", "").isalnum() and value.reveal().isprintable()):
            yield ("spec", "headers", name), "is no header", "letters, digits and `-`, and a value on one line"


KIND = Kind(name="RemoteAgent", spec=RemoteAgentSpec, check=check_remote, plural="remote-agents")
