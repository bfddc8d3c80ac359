"""The whole configuration: every room's settings under one roof."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.control.settings import KeySettings, PromptSettings, RealtimeSettings
from antiphon.providers.settings import ModelSettings, ProviderSettings
from antiphon.server.settings import ServerSettings
from antiphon.store.settings import StorageSettings
from antiphon.telemetry.settings import TelemetrySettings

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Antiphon's configuration."""

    server: Annotated[ServerSettings, Meta(description="Where the gateway listens.")] = ServerSettings()
    storage: Annotated[StorageSettings, Meta(description="Where records are kept.")] = StorageSettings()
    telemetry: Annotated[TelemetrySettings, Meta(description="Logs and traces.")] = TelemetrySettings()
    calls: Annotated[CallsSettings, Meta(description="How calls survive bad upstreams.")] = CallsSettings()
    realtime: Annotated[RealtimeSettings, Meta(description="Sessions over WebSockets.")] = RealtimeSettings()
    keys: Annotated[
        list[KeySettings],
        Meta(description="Keys that exist from the start. Default: none; callers on this machine then need none."),
    ] = []
    providers: Annotated[dict[Name, ProviderSettings], Meta(description="Accounts with providers, by name.")] = {}
    models: Annotated[dict[Name, ModelSettings], Meta(description="Deployments, by name.")] = {}
    routes: Annotated[dict[Name, RouteSettings], Meta(description="Public model names that lead to deployments.")] = {}
    prompts: Annotated[dict[Name, PromptSettings], Meta(description="System prompts that routes add, by name.")] = {}
