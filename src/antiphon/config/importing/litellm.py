"""A LiteLLM proxy's `config.yaml`. Source of its meaning: litellm 1.109.1, `proxy/proxy_server.py` and `router.py`."""

from collections.abc import Mapping
from pathlib import Path

from antiphon.config.importing import litellm_models
from antiphon.config.importing.draft import Draft, Imported, Plain, drafted
from antiphon.config.importing.litellm_routes import Routing, read_failures, read_router, write_routes
from antiphon.config.importing.source import Section
from antiphon.core.error import ConfigError, Problem

OTHER_TEXTS = "there is no counterpart in a configuration file"
REASONS: Mapping[str, str] = {
    "include": "files that it includes are not read: import each by itself",
    "guardrails": "guards are another matter than routing: write them by hand",
    "mcp_servers": OTHER_TEXTS,
    "mcp_tools": OTHER_TEXTS,
    "agent_list": OTHER_TEXTS,
    "vector_store_registry": OTHER_TEXTS,
    "prompts": "write prompts under `prompts`, and name them at routes",
    "callback_settings": "traces go out by OTLP: `telemetry.otlp`",
    "files_settings": "files go to providers by their own credentials: `/v1/files`",
    "finetune_settings": "pass a provider's API through: `passthrough`",
    "pass_through_endpoints": "pass a provider's API through: `passthrough`",
    "default_vertex_config": "each Vertex account stands under `providers`",
}
CALLBACKS = "metrics are at /metrics, traces go out by OTLP (`telemetry.otlp`), and each request has a receipt"
LITELLM: Mapping[str, str] = {
    "drop_params": "not needed: what a model can't take is told as a loss, see `routes.<name>.on_loss`",
    "modify_params": "not needed: requests are put into each dialect, and losses are told",
    **dict.fromkeys(("success_callback", "failure_callback", "callbacks", "service_callbacks"), CALLBACKS),
    "set_verbose": "see `telemetry.log_level`",
    "json_logs": "not needed: logs are JSON",
    "turn_off_message_logging": "not needed: content is not kept unless `storage.capture` says so",
    "redact_user_api_key_info": "not needed: logs have names of keys alone",
    "telemetry": "not needed: nothing is sent to us",
    "default_team_settings": "teams have no settings of their own: budgets and limits are `on: [team]`",
    "ssl_verify": "certificates are always verified: name your authority in `providers.<name>.ca_file`",
    "force_ipv4": "see the system's resolver",
}
GENERAL: Mapping[str, str] = {
    "database_url": "keys and budgets of its database are not read: make them with `antiphon keys`, or write them here",
    "store_model_in_db": "models stand in this file",
    "alerting": "alerts of budgets go to a webhook",
    "alerting_threshold": "see metrics: `antiphon_request_duration_seconds`",
    "disable_spend_logs": "receipts are always kept",
    "disable_error_logs": "receipts are always kept",
    "custom_auth": "keys are `keys`; code of your own is not loaded",
    "enable_jwt_auth": "keys are `keys`",
    "litellm_jwtauth": "keys are `keys`",
    "allowed_routes": "who may ask for what stands at keys: `keys[].models`",
    "global_max_parallel_requests": "see `calls.admission.max_in_flight`, which counts for each worker",
    "health_check_interval": "deployments that are left alone are probed: `calls.probes.interval_s`",
    "proxy_batch_write_at": "not needed: records are written all the time",
    "infer_model_from_keys": "models stand in this file",
}
GLOBAL_BUDGETS: tuple[tuple[str, str, str, str], ...] = (
    ("max_budget", "budget_duration", "proxy", ""),
    ("max_internal_user_budget", "internal_user_budget_duration", "user", "user"),
    ("max_end_user_budget", "max_end_user_budget_duration", "end-user", "end_user"),
)
"""Key, key of its duration, our name, and scope: none for all in one."""


def convert(file: Path) -> Imported:
    """Read one and write ours. Raises: ConfigError."""

    def carry(source: Section, draft: Draft) -> None:
        if "model_list" not in source:
            remedy = "name the file that has it, also where another one reads it by `include`"
            raise ConfigError([Problem(file=str(file), line=1, path="model_list", wrong="is missing", remedy=remedy)])
        _carry(source, draft)

    return drafted("litellm", file, carry)


def _carry(source: Section, draft: Draft) -> None:
    routing = Routing()
    groups = litellm_models.read(source, draft)
    read_router(source.section("router_settings"), routing, draft)
    _litellm(source.section("litellm_settings"), routing, draft)
    _general(source.section("general_settings"), draft)
    for name in (variables := source.section("environment_variables")):
        variables.leave(name, "variables are not set from here: put it in the environment of the gateway")
    write_routes(groups, routing, draft, source)
    source.rest(REASONS)


def _litellm(section: Section, routing: Routing, draft: Draft) -> None:
    read_failures(section, routing, draft)
    for key, duration, name, scope in GLOBAL_BUDGETS:
        usd = section.number(key)
        if usd is not None and usd > 0:
            on: Plain = {"on": [scope]} if scope else {"shared": True}
            window = litellm_models.window(section.text(duration))
            draft.budget(section.at(key), {"name": name, **on, "usd": usd, **window})
    _cache(section, routing)
    section.rest(LITELLM)


def _cache(section: Section, routing: Routing) -> None:
    """Answers are kept by each route here. Where they are kept is ours to say."""
    on, params = section.flag("cache"), section.section("cache_params")
    ttl_s, kind = params.number("ttl"), params.text("type")
    if on:
        routing.cache = {"enabled": True, "any_temperature": True, **({"ttl_s": ttl_s} if ttl_s else {})}
        if "semantic" in kind:
            params.tell(
                params.at("type"), "answers to the same words are kept; for others see `routes.<name>.cache.semantic`"
            )
    params.leave("supported_call_types", "each route says whether it keeps answers")
    params.leave("namespace", "not needed: answers are kept apart by tenant")
    params.rest(dict.fromkeys(("host", "port", "password", "url", "redis_startup_nodes"), "see `calls.cache`"))


def _general(section: Section, draft: Draft) -> None:
    key = section.text("master_key")
    if key:
        secret = draft.secret(key, section, "master_key", "LITELLM_MASTER_KEY")
        draft.sections["keys"].append({"name": "admin", "key": secret, "admin": True})
    if section.flag("background_health_checks"):
        draft.sections["calls"]["probes"] = {"enabled": True}
    size_mb = section.number("max_request_size_mb")
    if size_mb is not None and size_mb > 0:
        section.tell(section.at("max_request_size_mb"), "see `server.limits`, which bounds what is read")
    section.rest(GENERAL)
