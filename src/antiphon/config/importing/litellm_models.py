"""`model_list` of a LiteLLM proxy: each entry is a deployment; those of one name share what is asked of it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from antiphon.config.importing.draft import Draft, Plain, fitting, free, reference, slug
from antiphon.config.importing.litellm_accounts import account
from antiphon.config.importing.names import PROFILE_OF, provider_of
from antiphon.config.importing.source import Section

DEFAULTS = "defaults of requests have no place here: callers send them"
REASONS: Mapping[str, str] = {
    "stream_timeout": "no deadline is for streams alone: `timeouts.first_byte_s` and `between_bytes_s` say it by phase",
    "max_retries": "attempts are the route's: `routes.<name>.attempts`",
    "num_retries": "attempts are the route's: `routes.<name>.attempts`",
    "tags": "no tags stand at models: make a route for each group of callers",
    "max_file_size_mb": "bodies are bounded for all paths: `server.limits.body_bytes`",
    "drop_params": "not needed: what a model can't take is told as a loss, see `routes.<name>.on_loss`",
    "merge_reasoning_content_in_choices": "each dialect has its own place for thoughts",
    "use_in_pass_through": "what may be passed through stands at the provider: `passthrough`",
    "mock_response": "answers that are made up come from lab models",
    **dict.fromkeys(("temperature", "max_tokens", "top_p", "stop", "seed", "n", "reasoning_effort", "thinking"), DEFAULTS),
}  # fmt: skip
INFO: Mapping[str, str] = {
    "id": "not needed: a deployment is named by its name under `models`",
    "mode": "not needed: the path of a call says what it is",
    "base_model": "prices go by the provider's id of the model: write `price` where that isn't on the bundled list",
    "access_groups": "who may ask for what stands at keys: `keys[].models`",
    "supported_environments": "a configuration is for one environment",
}
PRICES: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_reasoning_token": "reasoning",
}
MOST_WEIGHT = 1_000_000
DURATIONS: Mapping[str, str] = {
    "1h": "hour", "24h": "day", "1d": "day", "7d": "week", "1w": "week", "30d": "month", "1mo": "month", "1m": "minute",
}  # fmt: skip
"""Durations that are pieces of the calendar here."""


class Row(Struct, kw_only=True):
    """A deployment as it comes from `model_list`."""

    name: str
    """Under `models`."""
    weight: float | None
    rpm: int | None
    tpm: int | None


def read(source: Section, draft: Draft) -> dict[str, list[Row]]:
    """Fill providers and models. Returns: deployments by public name, in the order of the file."""
    groups: dict[str, list[Row]] = {}
    credentials = _credentials(source)
    for entry in source.sections("model_list"):
        row = _entry(entry, draft, credentials)
        if row is not None:
            public, one = row
            groups.setdefault(public, []).append(one)
    for rows in groups.values():
        _share(rows, draft)
    return groups


def _credentials(source: Section) -> dict[str, Mapping[str, object]]:
    """Values of `credential_list` by name."""
    found: dict[str, Mapping[str, object]] = {}
    for one in source.sections("credential_list"):
        values = one.section("credential_values")
        found[one.text("credential_name")] = {key: values.value(key) for key in values}
        one.leave("credential_info", "notes on credentials have no place here")
        one.rest()
    return found


def _entry(entry: Section, draft: Draft, credentials: Mapping[str, Mapping[str, object]]) -> tuple[str, Row] | None:
    public = entry.text("model_name")
    params = _with_credential(entry.section("litellm_params"), credentials)
    info = entry.section("model_info")
    provider, model = _split(params)
    if not _can_be(entry, public, params, provider):
        return None
    made = account(params, PROFILE_OF[provider], model, draft)
    if made is None:
        return None
    name, upstream = made
    settings: Plain = {"provider": name, "model": upstream, "listed": False}
    row = Row(
        name=free(f"{fitting(public)}/{name}", draft.models),
        weight=params.number("weight"),
        rpm=params.whole("rpm"),
        tpm=params.whole("tpm"),
    )
    _fill(settings, params, info, row)
    _budget(params, row, draft)
    draft.models[row.name] = settings
    params.rest(REASONS)
    info.rest(INFO)
    entry.rest()
    if fitting(public) != public:
        entry.tell(entry.at("model_name"), f"names have no such signs here: callers ask for {fitting(public)}")
    return fitting(public), row


def _with_credential(params: Section, credentials: Mapping[str, Mapping[str, object]]) -> Section:
    name = params.text("litellm_credential_name")
    if not name:
        return params
    if name not in credentials:
        params.tell(params.at("litellm_credential_name"), f"`credential_list` has no {name}")
    return params.beside(credentials.get(name, {}))


def _split(params: Section) -> tuple[str, str]:
    """Provider and model out of `provider/model`; a name alone is looked up."""
    said, stated = params.text("model"), params.text("custom_llm_provider")
    first, slash, rest = said.partition("/")
    if slash and first in PROFILE_OF and not stated:
        return first, rest
    if stated:
        return stated, said.removeprefix(f"{stated}/")
    found = provider_of(said)
    return (found, said) if found or not slash else (first, rest)


def _can_be(entry: Section, public: str, params: Section, provider: str) -> bool:
    """Whether there is a place for it here; if not, that is told."""
    if not public:
        entry.tell(entry.path, "`model_name` is missing: callers ask for an entry by it, so it was left out")
    elif not fitting(public) or "*" in public:
        entry.tell(entry.path, f"a name such as {public!r} stands for no one model: name each under `models`")
    elif not params.text("model") or "*" in params.text("model"):
        entry.tell(params.at("model"), "it names no one model: name each under `models`")
    elif provider not in PROFILE_OF:
        whose = f"the provider {provider}" if provider else "a model without a provider"
        entry.tell(
            params.at("model"), f"{whose} is not known here: if it speaks OpenAI's dialect, use profile `compatible`"
        )
    else:
        return True
    return False


def _fill(settings: Plain, params: Section, info: Section, row: Row) -> None:
    order, timeout_s = params.number("order"), params.number("timeout")
    if order is not None:
        settings["priority"] = max(0, min(int(order), 1000))
    if timeout_s is not None and 0 < timeout_s <= 86_400:
        settings["timeouts"] = deadlines(timeout_s)
    limits = {
        "requests_per_minute": row.rpm,
        "tokens_per_minute": row.tpm,
        "concurrency": params.whole("max_parallel_requests"),
        "context_tokens": info.whole("max_input_tokens"),
        "output_tokens": info.whole("max_output_tokens"),
    }
    context, output = limits["context_tokens"], limits["output_tokens"]
    if context is not None and output is not None and output > context:
        info.tell(info.at("max_output_tokens"), "it is more than `max_input_tokens`, which is the context window here")
        limits["output_tokens"] = None
    if any(limits.values()):
        settings["limits"] = {name: value for name, value in limits.items() if value}
    region = params.text("region_name")
    if region:
        settings["region"] = reference(region)
    price = _price(params, info)
    if price:
        settings["price"] = price


def deadlines(timeout_s: float) -> Plain:
    """One deadline for an attempt, within which its phases end too."""
    phases = {"connect_s": 5.0, "first_byte_s": 120.0, "between_bytes_s": 60.0}
    shorter = {name: timeout_s for name, usual_s in phases.items() if timeout_s < usual_s}
    return {**shorter, "total_s": timeout_s}


def _price(params: Section, info: Section) -> Plain:
    """US dollars per million tokens out of those per token; where both sections have one, the first counts."""
    found: Plain = {}
    for theirs, ours in PRICES.items():
        for section in (params, info):
            usd = section.number(theirs)
            if usd is not None and ours not in found:
                found[ours] = round(usd * 1e6, 6)
    if found and not {"input", "output"} <= set(found):
        params.tell(
            params.path, "a price needs both input and output: what is missing was on LiteLLM's list; write `price`"
        )
        return {}
    return found


def _budget(params: Section, row: Row, draft: Draft) -> None:
    """A budget of this deployment alone."""
    usd, duration = params.number("max_budget"), params.text("budget_duration")
    if usd is not None:
        draft.budget(
            params.at("max_budget"),
            {
                "name": slug("deployment", row.name),
                "on": ["deployment"],
                "only": {"deployment": [row.name]},
                "usd": usd,
                "shared": True,
                **window(duration),
            },
        )


def window(duration: str) -> dict[str, Any]:
    """The window of a budget; durations that are no piece of the calendar roll."""
    if not duration:
        return {"window": "total"}
    return {"window": DURATIONS[duration]} if duration in DURATIONS else {"rolling": duration}


def _share(rows: list[Row], draft: Draft) -> None:
    """Shares as `simple-shuffle` has them: by the first of weight, rpm and tpm that any entry of the name has."""
    for values in ([row.weight for row in rows], [row.rpm for row in rows], [row.tpm for row in rows]):
        if len(rows) > 1 and any(values):
            most = max(value or 0 for value in values)
            scale = min(1.0, MOST_WEIGHT / most)
            for row, value in zip(rows, values, strict=True):
                weight = (value or 0) * scale
                draft.models[row.name]["weight"] = int(weight) if weight == int(weight) else weight
            return
