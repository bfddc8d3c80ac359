"""Guards: each has exactly one kind, and what is done about what it finds."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.data_class import DataClass
from antiphon.core.finding import Channel, GuardAction, Side
from antiphon.guards.settings_content import (
    HarmSettings,
    InjectionSettings,
    LanguageSettings,
    LeakSettings,
    LengthSettings,
    OutputSettings,
    SchemaSettings,
    TopicsSettings,
    UnicodeSettings,
)
from antiphon.guards.settings_custom import PythonGuardSettings, RegexSettings
from antiphon.guards.settings_judge import JudgeSettings, WebhookSettings
from antiphon.guards.settings_pii import PiiSettings, PresidioSettings
from antiphon.guards.settings_secrets import SecretsSettings

Mistake = tuple[str, str, str]
"""Path below the guard, what is wrong, what to write."""


class GuardSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A guard: exactly one kind, and what is done about what it finds."""

    pii: Annotated[PiiSettings | None, Meta(description="Personal data with a structure.")] = None
    presidio: Annotated[PresidioSettings | None, Meta(description="Names, places and others, by Presidio.")] = None
    secrets: Annotated[SecretsSettings | None, Meta(description="Keys, tokens, passwords.")] = None
    unicode: Annotated[UnicodeSettings | None, Meta(description="Characters that nobody sees.")] = None
    injection: Annotated[
        InjectionSettings | None, Meta(description="Texts that give a model other orders, and jailbreaks.")
    ] = None
    topics: Annotated[TopicsSettings | None, Meta(description="Banned topics and words.")] = None
    harm: Annotated[HarmSettings | None, Meta(description="Requests for harm.")] = None
    leak: Annotated[LeakSettings | None, Meta(description="The system prompt in an answer.")] = None
    output: Annotated[
        OutputSettings | None, Meta(description="Links, images, terminal codes, HTML, SQL and shell in answers.")
    ] = None
    schema: Annotated[SchemaSettings | None, Meta(description="Answers that have to keep a JSON Schema.")] = None
    language: Annotated[LanguageSettings | None, Meta(description="Languages that are allowed.")] = None
    length: Annotated[LengthSettings | None, Meta(description="How long texts may be.")] = None
    regex: Annotated[RegexSettings | None, Meta(description="Own patterns.")] = None
    python: Annotated[PythonGuardSettings | None, Meta(description="An own Python function.")] = None
    model: Annotated[JudgeSettings | None, Meta(description="A question to a model.")] = None
    webhook: Annotated[WebhookSettings | None, Meta(description="An own service over HTTP.")] = None

    on: Annotated[
        list[Side],
        Meta(
            min_length=1,
            description="Sides that it looks at: `request`, `answer`. Default both, as far as its kind can.",
        ),
    ] = []
    channels: Annotated[
        list[Channel],
        Meta(
            description="Texts of requests that it looks at: `system`, `user`, `assistant`, `tool`, `definition`, `arguments`, `reasoning`, `field`. Default: all that its kind is for."
        ),
    ] = []
    action: Annotated[
        GuardAction | None,
        Meta(
            description="What is done: `allow`, `flag`, `mask`, `rewrite`, `block`, `route_private` or `approve`. Default: as its kind says."
        ),
    ] = None
    answer_action: Annotated[
        GuardAction | None,
        Meta(description="The same for answers; not `route_private`, nor `approve`. Default: as `action`."),
    ] = None
    actions: Annotated[
        dict[str, GuardAction],
        Meta(description="The same for single kinds of findings, such as `email: flag`. Default: none."),
    ] = {}
    mode: Annotated[
        Literal["enforce", "shadow"], Meta(description="`shadow` only notes what would be done. Default enforce.")
    ] = "enforce"
    failure: Annotated[
        Literal["closed", "open", "by_class"],
        Meta(
            description="When it fails: `closed` lets nothing pass, `open` notes it, `by_class` is closed from `data_classes.closed_from` on. Default closed."
        ),
    ] = "closed"
    raises: Annotated[
        DataClass | None, Meta(description="A finding in a request raises its data class to this. Default: not.")
    ] = None
    routes: Annotated[list[str], Meta(description="Public names that it is for. Default: all.")] = []
    threshold: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Scores below are no finding, 0 to 1. Default: as its kind says."),
    ] = None

    def kinds(self) -> list[str]:
        """Which kinds it names: one, where it is right."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]


KINDS = (
    "pii",
    "presidio",
    "secrets",
    "unicode",
    "injection",
    "topics",
    "harm",
    "leak",
    "output",
    "schema",
    "language",
    "length",
    "regex",
    "python",
    "model",
    "webhook",
)
