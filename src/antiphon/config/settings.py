"""The whole configuration: every room's settings under one roof."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.admin.settings import AdminSettings
from antiphon.agents.settings import AgentsSettings
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.console.settings import ConsoleSettings
from antiphon.control.settings import KeySettings, PromptSettings, RealtimeSettings
from antiphon.control.settings_alerts import AlertSettings
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.settings_audit import AuditSettings
from antiphon.control.settings_identity import IdentitySettings
from antiphon.governance.settings import DataClassSettings
from antiphon.guards.settings import GuardSettings
from antiphon.metering.settings import BudgetSettings, MeteringSettings
from antiphon.metering.settings_limits import ClusterSettings, RateLimitSettings
from antiphon.metering.settings_quality import QualitySettings
from antiphon.net.settings_egress import EgressSettings
from antiphon.policy.settings import PolicySettings
from antiphon.providers.embedders.settings import EmbedderSettings
from antiphon.providers.settings import ModelSettings, ProviderSettings
from antiphon.providers.tokenizers import TokenizerSettings
from antiphon.recipes.settings import RecipeSettings
from antiphon.routing.settings_rules import ScoreSettings
from antiphon.routing.settings_selector import SelectorSettings
from antiphon.sandbox.settings import SandboxSettings
from antiphon.server.settings import ServerSettings
from antiphon.signals.settings import SignalSettings
from antiphon.store.settings import StorageSettings
from antiphon.telemetry.settings import TelemetrySettings
from antiphon.vault.settings import VaultSettings

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Antiphon's configuration."""

    server: Annotated[ServerSettings, Meta(description="Where the gateway listens.")] = ServerSettings()
    admin: Annotated[
        AdminSettings | None,
        Meta(
            description="The admin API, for keys, budgets and limits that are made while the gateway runs. Callers always need a key then. Default: none; `admin: {}` turns it on."
        ),
    ] = None
    storage: Annotated[StorageSettings, Meta(description="Where records are kept.")] = StorageSettings()
    telemetry: Annotated[TelemetrySettings, Meta(description="Logs and traces.")] = TelemetrySettings()
    calls: Annotated[CallsSettings, Meta(description="How calls survive bad upstreams.")] = CallsSettings()
    realtime: Annotated[RealtimeSettings, Meta(description="Sessions over WebSockets.")] = RealtimeSettings()
    tokenizers: Annotated[
        TokenizerSettings, Meta(description="Exact counts of tokens, where no provider counts them.")
    ] = TokenizerSettings()
    embedders: Annotated[
        dict[Name, EmbedderSettings], Meta(description="Models that turn texts into vectors, by name.")
    ] = {}
    keys: Annotated[
        list[KeySettings],
        Meta(description="Keys that exist from the start. Default: none; callers on this machine then need none."),
    ] = []
    budgets: Annotated[list[BudgetSettings], Meta(description="Limits on use over a window. Default: none.")] = []
    limits: Annotated[
        list[RateLimitSettings], Meta(description="Limits on what passes per time, or runs at once. Default: none.")
    ] = []
    metering: Annotated[MeteringSettings, Meta(description="How budgets are kept.")] = MeteringSettings()
    cluster: Annotated[ClusterSettings, Meta(description="What replicas share limits and breakers by.")] = (
        ClusterSettings()
    )
    alerts: Annotated[AlertSettings, Meta(description="Who is told when a budget runs low.")] = AlertSettings()
    quality: Annotated[
        QualitySettings, Meta(description="How scores of answers come to the quality of deployments.")
    ] = QualitySettings()
    signals: Annotated[
        SignalSettings, Meta(description="Facts about requests that rules can ask for, beside the built-in ones.")
    ] = SignalSettings()
    scores: Annotated[
        dict[Name, ScoreSettings], Meta(description="Numbers made of facts, that rules can ask for, by name.")
    ] = {}
    selectors: Annotated[dict[Name, SelectorSettings], Meta(description="Learned selectors, by name.")] = {}
    recipes: Annotated[dict[Name, RecipeSettings], Meta(description="Teams of models, by name.")] = {}
    sandbox: Annotated[SandboxSettings, Meta(description="Where programs run that models wrote.")] = SandboxSettings()
    providers: Annotated[dict[Name, ProviderSettings], Meta(description="Accounts with providers, by name.")] = {}
    models: Annotated[dict[Name, ModelSettings], Meta(description="Deployments, by name.")] = {}
    routes: Annotated[dict[Name, RouteSettings], Meta(description="Public model names that lead to deployments.")] = {}
    agents: Annotated[AgentsSettings, Meta(description="Agents, and the processes that run them.")] = AgentsSettings()
    prompts: Annotated[dict[Name, PromptSettings], Meta(description="System prompts that routes add, by name.")] = {}
    identity: Annotated[
        IdentitySettings, Meta(description="Who may call beside keys: tokens, certificates, roles.")
    ] = IdentitySettings()
    policy: Annotated[PolicySettings, Meta(description="Policies as code: who may send what, where.")] = (
        PolicySettings()
    )
    data_classes: Annotated[
        DataClassSettings, Meta(description="How sensitive requests are, and what follows from it.")
    ] = DataClassSettings()
    guards: Annotated[dict[Name, GuardSettings], Meta(description="Guards of requests and answers, by name.")] = {}
    approvals: Annotated[ApprovalSettings, Meta(description="How people are asked.")] = ApprovalSettings()
    audit: Annotated[AuditSettings, Meta(description="The record that stands up to an auditor.")] = AuditSettings()
    vault: Annotated[VaultSettings, Meta(description="Keys that content at rest is sealed by.")] = VaultSettings()
    egress: Annotated[EgressSettings, Meta(description="Where connections may go.")] = EgressSettings()
    console: Annotated[
        ConsoleSettings | None,
        Meta(description="The console's pages, beside the admin API. Default: none; `console: {}` turns them on."),
    ] = None
