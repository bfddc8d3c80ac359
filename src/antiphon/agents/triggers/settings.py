"""What begins runs by itself, as documents: `kind: Trigger`."""

from collections.abc import Iterator
from importlib import import_module
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from antiphon.agents.documents.document import Document, EnvelopeSpec
from antiphon.agents.documents.kinds import Kind
from antiphon.agents.documents.library import Library, Wrong, near
from antiphon.agents.documents.taking import faults, unusable
from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal

Scheme = Literal["standard", "antiphon", "github", "stripe"]
SOURCES = ("cron", "webhook", "queue")
SHORTEST_SECRET = 16
OF_TRIGGERS = "trigger/"
"""What the key of a trigger's service begins with; no key's name has a slash."""


class CronSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """At times."""

    schedule: Annotated[
        str, Meta(description="Minute, hour, day of month, month, day of week, such as `0 7 * * 1-5`; or `@daily`.")
    ]
    time_zone: Annotated[str, Meta(description="Of the times, such as `Europe/Zurich`. Default UTC.")] = "UTC"
    late_s: Annotated[
        float,
        Meta(
            ge=0,
            le=604_800,
            description="A time that came while nothing ran is made up for so many seconds later, the last one alone; 0 to 604800. Default 3600.",
        ),
    ] = 3600.0
    overlap: Annotated[
        Literal["allow", "skip"],
        Meta(description="`skip`: not while the run that it began before still goes on. Default allow."),
    ] = "allow"


class WebhookSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """By a signed `POST /v1/triggers/NAME`."""

    secret: Annotated[
        str, Meta(description="Both sides' key, 16 characters or more: `${env:NAME}` or `${file:PATH}`. Never shown.")
    ]
    scheme: Annotated[
        Scheme,
        Meta(
            description="How it is signed: `standard` (Standard Webhooks), `antiphon` (as our own messages), `github`, `stripe`. Default standard."
        ),
    ] = "standard"
    tolerance_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="How far its time may be from ours, in seconds, 1 to 3600; `github` states none. Default 300.",
        ),
    ] = 300.0
    most_bytes: Annotated[int, Meta(ge=1, le=1_048_576, description="Longest body, 1 to 1048576. Default 262144.")] = (
        262_144
    )
    trusted: Annotated[
        bool,
        Meta(
            description="Nothing in it was written by strangers, so that the agent may take it for its user's word. Default off."
        ),
    ] = False


class QueueSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """By messages that callers with a key put into a queue of ours: `POST /v1/triggers/NAME`."""

    callers: Annotated[
        list[str],
        Meta(
            description="Who may put messages, as `key/NAME`, `user/NAME`, `team/NAME` or `role/NAME`; admins always may. Default: nobody else."
        ),
    ] = []
    tries: Annotated[
        int, Meta(ge=1, le=20, description="Before a message becomes a dead letter, 1 to 20. Default 5.")
    ] = 5
    wait_s: Annotated[
        float,
        Meta(ge=0.1, le=3600, description="Before the second try, in seconds; then twice as long each. Default 5."),
    ] = 5.0
    most: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Messages that may wait, 1 to 1000000. Default 10000.")
    ] = 10_000
    keep_days: Annotated[
        float, Meta(gt=0, le=365, description="How long dead letters are kept, in days. Default 30.")
    ] = 30.0
    trusted: Annotated[
        bool, Meta(description="As of a webhook: nothing in it was written by strangers. Default off.")
    ] = False


class ServiceSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """In whose name runs are begun: a service of its own, with no more rights than stand here."""

    roles: Annotated[list[str], Meta(description="Its roles, for policies. Default: none.")] = []
    team: Annotated[str, Meta(description="Default: none.")] = ""
    department: Annotated[str, Meta(description="Default: none.")] = ""
    models: Annotated[list[str], Meta(description="Public names that it may ask for. Default: all.")] = []
    clearance: Annotated[
        DataClass | None, Meta(description="The highest class that it sends and sees. Default: as policies say.")
    ] = None
    tags: Annotated[list[str], Meta(description="For budgets and reports. Default: none.")] = []


class TriggerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What begins runs of an agent, and when. One of `cron`, `webhook` and `queue` is there."""

    agent: Annotated[str, Meta(min_length=1, description="Whose runs it begins.")]
    version: Annotated[str, Meta(description="Of the agent. Default: the newest.")] = ""
    goal: Annotated[str, Meta(description="What the run is told to do. Default: the agent's goal.")] = ""
    inputs: Annotated[dict[str, Any], Meta(description="What comes with the goal, always. Default: nothing.")] = {}
    cron: Annotated[CronSpec | None, Meta(description="At times.")] = None
    webhook: Annotated[WebhookSpec | None, Meta(description="By a signed POST.")] = None
    queue: Annotated[QueueSpec | None, Meta(description="By messages.")] = None
    service: Annotated[ServiceSpec, Meta(description="In whose name.")] = ServiceSpec()
    envelope: Annotated[
        EnvelopeSpec | None, Meta(description="Bounds of its own; the tighter of these and the agent's hold.")
    ] = None
    priority: Annotated[int, Meta(ge=1, le=9, description="1 is served first, 9 last. Default 5.")] = 5
    session: Annotated[str, Meta(description="Session of its runs, for memories. Default: none.")] = ""
    data_class: Annotated[
        DataClass | None, Meta(description="What its runs are at least. Default: as the agent's.")
    ] = None
    enabled: Annotated[bool, Meta(description="Off: it begins nothing. Default on.")] = True

    @property
    def source(self) -> str:
        """`cron`, `webhook` or `queue`."""
        return next(name for name in SOURCES if getattr(self, name) is not None)


def principal_of(document: Document) -> Principal:
    """The service account of a trigger."""
    service: ServiceSpec = document.spec.service
    return Principal(
        tenant=document.metadata.tenant,
        key=f"{OF_TRIGGERS}{document.name}",
        team=service.team,
        department=service.department,
        tags=tuple(service.tags),
        models=tuple(service.models) or ("*",),
        roles=tuple(service.roles),
        employment="service",
        clearance=service.clearance,
    )


def check_trigger(document: Document, library: Library) -> Iterator[Wrong]:
    """What is wrong with one whose single values are right."""
    spec: TriggerSpec = document.spec
    there = [name for name in SOURCES if getattr(spec, name) is not None]
    if len(there) != 1:
        said = " and ".join(there) or "none"
        yield ("spec", *there[1:2]), f"one of cron, webhook and queue is there, not {said}", "leave one of them"
    if not document.metadata.tenant:
        yield ("metadata",), "a trigger belongs to a tenant, whose runs it begins", "write `tenant`"
    if library.one("Agent", spec.agent, spec.version) is None:
        version = f" of version {spec.version}" if spec.version else ""
        wrong = f"there is no agent {spec.agent}{version}"
        yield ("spec", "agent"), wrong, near(spec.agent, library.names("Agent"), "agent")
    yield from _given(spec, library)
    if spec.cron is not None:
        cron: Any = import_module("antiphon.agents.triggers.cron")  # its library is loaded where there is a schedule
        try:
            cron.Schedule(spec.cron.schedule, spec.cron.time_zone)
        except ValueError as error:
            at = "time_zone" if "time zone" in str(error) else "schedule"
            yield ("spec", "cron", at), str(error), "write such as `0 7 * * 1-5`, and a zone such as Europe/Zurich"
    if spec.webhook is not None and "${" not in spec.webhook.secret and len(spec.webhook.secret) < SHORTEST_SECRET:
        wrong = f"a secret has {SHORTEST_SECRET} characters at least"
        yield ("spec", "webhook", "secret"), wrong, "make one: openssl rand -base64 32"


def _given(spec: TriggerSpec, library: Library) -> Iterator[Wrong]:
    """What is known to be wrong with what its runs are given: of a schedule, which adds nothing."""
    agent = library.one("Agent", spec.agent, spec.version)
    schema = None if agent is None else agent.spec.input
    if schema is None or unusable(schema) or spec.cron is None:
        return
    for field, said in faults(schema, {**spec.inputs, **({"goal": spec.goal} if spec.goal else {})}):
        path = ("spec", "goal") if field == "goal" else ("spec", "inputs", *(field.split(".") if field else ()))
        yield path, said, f"write what the agent {spec.agent} takes by its `input`"


KIND = Kind(name="Trigger", spec=TriggerSpec, check=check_trigger, plural="triggers", fills=False)
