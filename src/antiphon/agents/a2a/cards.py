"""Agents as cards of A2A."""

from hashlib import sha256
from typing import Any

import msgspec

from antiphon.agents.a2a.signing import CardSigner
from antiphon.agents.a2a.tasks import INPUT_EXTENSION, PEOPLE_EXTENSION
from antiphon.agents.documents.document import AgentDocument, SkillSpec
from antiphon.wire.a2a import old
from antiphon.wire.a2a.words import OLD_VERSION, VERSION, Capabilities, Card, Extension, Interface, Skill, plain

MODES = ("text/plain", "application/json")
ANY = "*/*"
"""Files may be of any kind."""
_SCHEMES: dict[str, Any] = {"bearer": {"httpAuthSecurityScheme": {"scheme": "bearer"}}}
"""A key of this gateway, or a token. In a card that 0.3 reads too it is said by `_OLD_SCHEMES`, which mean no more and no less:
so a signature holds for both."""
_OLD_SCHEMES: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer"}}


def path_of(agent: str) -> str:
    """Where an agent is: JSON-RPC by POST; the HTTP binding below `/v1`."""
    return f"/a2a/{agent}"


def card_of(document: AgentDocument, base_url: str) -> Card:
    """Args:
    base_url: Of this gateway, as the caller reaches it.
    """
    url = base_url + path_of(document.name)
    spec, metadata = document.spec, document.metadata
    return Card(
        name=metadata.title or document.name,
        description=metadata.description or spec.goal,
        version=document.version,
        supported_interfaces=(
            Interface(url=url, protocol_binding="JSONRPC", protocol_version=VERSION),
            Interface(url=f"{url}/v1", protocol_binding="HTTP+JSON", protocol_version=VERSION),
            Interface(url=url, protocol_binding="JSONRPC", protocol_version=OLD_VERSION),
        ),
        capabilities=Capabilities(
            streaming=True,
            push_notifications=True,
            extended_agent_card=True,
            extensions=(
                Extension(uri=PEOPLE_EXTENSION, description="What a task needs of a person is data of its status."),
                *_input(spec.input),
            ),
        ),
        skills=tuple(_skill(one) for one in spec.skills) or (_usual(document),),
        default_input_modes=(*(MODES if spec.input is None else MODES[1:]), ANY),
        default_output_modes=(*MODES, ANY),
        security_schemes=_SCHEMES,
        security_requirements=({"schemes": {"bearer": {"list": []}}},),
    )


def _input(schema: dict[str, Any] | None) -> tuple[Extension, ...]:
    if schema is None:
        return ()
    said = "A message that begins a task has a part of data that is what this JSON Schema says."
    return (Extension(uri=INPUT_EXTENSION, description=said, params={"schema": schema}),)


def encoded(card: Card, *, version: str, base_url: str = "", signer: CardSigner | None = None) -> bytes:
    """Args:
    version: That the caller speaks; empty: it doesn't say, and gets a card that 0.3 reads too.
    signer: None: it is not signed.
    Raises: StoreError.
    """
    said = words = plain(card)
    if not version:
        said = old.card_out(said) | {"securitySchemes": _OLD_SCHEMES}
        said.pop("securityRequirements", None)
    return msgspec.json.encode(said if signer is None else signer.signed(said, base_url, words))


def etag(body: bytes) -> bytes:
    return b'"%b"' % sha256(body).hexdigest()[:32].encode()


def _skill(one: SkillSpec) -> Skill:
    return Skill(
        id=one.id,
        name=one.name or one.id,
        description=one.description or one.name or one.id,
        tags=tuple(one.tags) or (one.id,),
        examples=tuple(one.examples),
    )


def _usual(document: AgentDocument) -> Skill:
    """Of an agent whose document names none."""
    name = document.metadata.title or document.name
    return Skill(id=document.name, name=name, description=document.spec.goal, tags=(document.name,))
