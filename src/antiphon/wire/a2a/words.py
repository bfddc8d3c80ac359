"""The words of A2A 1.0, as JSON has them. Source: a2a.proto of the specification 1.0.1 (2026-03), by way of a2a-sdk 1.3.0."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

VERSION = "1.0"
OLD_VERSION = "0.3"
MEDIA_TYPE = b"application/a2a+json"
State = Literal[
    "TASK_STATE_UNSPECIFIED",
    "TASK_STATE_SUBMITTED",
    "TASK_STATE_WORKING",
    "TASK_STATE_COMPLETED",
    "TASK_STATE_FAILED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_INPUT_REQUIRED",
    "TASK_STATE_REJECTED",
    "TASK_STATE_AUTH_REQUIRED",
]
ENDED: frozenset[State] = frozenset(
    {"TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"}
)
STOPPED: frozenset[State] = frozenset({*ENDED, "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"})
"""Where a stream ends, and a call that waits returns."""
Role = Literal["ROLE_UNSPECIFIED", "ROLE_USER", "ROLE_AGENT"]
Binding = Literal["JSONRPC", "HTTP+JSON", "GRPC"]


class Part(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One of `text`, `raw` (base64), `url`, `data`."""

    text: str | None = None
    raw: str | None = None
    url: str | None = None
    data: Any = UNSET
    media_type: str = ""
    filename: str = ""
    metadata: dict[str, Any] | None = None


class Message(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    message_id: str = ""
    role: Role = "ROLE_UNSPECIFIED"
    parts: tuple[Part, ...] = ()
    context_id: str = ""
    task_id: str = ""
    metadata: dict[str, Any] | None = None
    extensions: tuple[str, ...] = ()
    reference_task_ids: tuple[str, ...] = ()


class Status(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    state: State = "TASK_STATE_UNSPECIFIED"
    message: Message | None = None
    timestamp: str = ""
    """RFC 3339, UTC, with milliseconds."""


class Artifact(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    artifact_id: str = ""
    name: str = ""
    description: str = ""
    parts: tuple[Part, ...] = ()
    metadata: dict[str, Any] | None = None
    extensions: tuple[str, ...] = ()


class Task(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    id: str = ""
    context_id: str = ""
    status: Status = Status()
    artifacts: tuple[Artifact, ...] = ()
    history: tuple[Message, ...] = ()
    metadata: dict[str, Any] | None = None


class StatusUpdate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    task_id: str = ""
    context_id: str = ""
    status: Status = Status()
    metadata: dict[str, Any] | None = None


class ArtifactUpdate(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    task_id: str = ""
    context_id: str = ""
    artifact: Artifact = Artifact()
    append: bool = False
    last_chunk: bool = False
    metadata: dict[str, Any] | None = None


class Item(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a stream, a push or an answer says: one of these."""

    task: Task | None = None
    message: Message | None = None
    status_update: StatusUpdate | None = None
    artifact_update: ArtifactUpdate | None = None


class Authentication(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    scheme: str = ""
    credentials: str = ""


class Push(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where news of a task are posted."""

    id: str = ""
    task_id: str = ""
    url: str = ""
    token: str = ""
    authentication: Authentication | None = None
    tenant: str = ""


class Pushes(Struct, frozen=True, kw_only=True, rename="camel"):
    configs: tuple[Push, ...]
    next_page_token: str = ""


class Tasks(Struct, frozen=True, kw_only=True, rename="camel"):
    tasks: tuple[Task, ...]
    next_page_token: str = ""
    page_size: int = 50
    total_size: int = 0


# --- what is asked


class Configuration(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    accepted_output_modes: tuple[str, ...] = ()
    task_push_notification_config: Push | None = None
    history_length: int | None = None
    return_immediately: bool = False


class Send(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    message: Message
    configuration: Configuration = Configuration()
    metadata: dict[str, Any] | None = None
    tenant: str = ""


class One(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A task by id; for a push configuration also that of it."""

    id: str = ""
    task_id: str = ""
    history_length: int | None = None
    tenant: str = ""


class Listing(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    context_id: str = ""
    status: State = "TASK_STATE_UNSPECIFIED"
    page_size: int = 50
    page_token: str = ""
    history_length: int = 0
    status_timestamp_after: str = ""
    include_artifacts: bool = False
    tenant: str = ""


# --- cards


class Interface(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    url: str = ""
    protocol_binding: str = ""
    protocol_version: str = ""
    tenant: str = ""


class Extension(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    uri: str = ""
    description: str = ""
    required: bool = False
    params: dict[str, Any] | None = None


class Capabilities(Struct, frozen=True, kw_only=True, rename="camel"):
    streaming: bool = False
    push_notifications: bool = False
    extended_agent_card: bool = False
    extensions: tuple[Extension, ...] = ()


class Skill(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    id: str = ""
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    input_modes: tuple[str, ...] = ()
    output_modes: tuple[str, ...] = ()


class Card(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    name: str = ""
    description: str = ""
    version: str = ""
    supported_interfaces: tuple[Interface, ...] = ()
    capabilities: Capabilities = Capabilities()
    skills: tuple[Skill, ...] = ()
    default_input_modes: tuple[str, ...] = ()
    default_output_modes: tuple[str, ...] = ()
    security_schemes: dict[str, Any] | None = None
    security_requirements: tuple[Any, ...] = ()
    provider: dict[str, str] | None = None
    documentation_url: str = ""
    signatures: tuple[Any, ...] = ()


def text_of(message: Message) -> str:
    """All its texts."""
    return "\n".join(part.text for part in message.parts if part.text)


def data_of(message: Message) -> list[Any]:
    """All its data."""
    return [part.data for part in message.parts if not isinstance(part.data, UnsetType)]


def plain(value: object) -> Any:
    """A word as plain JSON values."""
    return msgspec.to_builtins(value)
