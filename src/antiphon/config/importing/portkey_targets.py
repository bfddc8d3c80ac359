"""A Portkey target: an account, a model, and how one attempt is made."""

from collections.abc import Mapping
from typing import cast

from antiphon.config.importing.draft import Draft, Plain, fitting, free, reference, variable
from antiphon.config.importing.litellm_models import deadlines
from antiphon.config.importing.names import LOCAL, PROFILE_OF, key_variable
from antiphon.config.importing.source import Section

INHERITED = ("custom_host",)
OPENAI = "https://api.openai.com"
KEPT_THERE = "the credential lies in Portkey's vault: put it in the environment as {0}"


def deployment(node: Section, settings: Plain, draft: Draft) -> str:
    """Write the deployment of a target. Returns: its name under `models`; empty: it can't be carried, which is told."""
    override = cast("dict[str, tuple[object, str]]", settings.get("override", {}))
    model, _ = override.get("model", ("", ""))
    slug, provider, model_name = _provider(node, model if isinstance(model, str) else "")
    if not provider:
        node.tell(node.path or "(document)", f"the provider {slug or '(none)'} is not known here")
        return ""
    profile = PROFILE_OF[provider]
    named = node.text("azure_deployment_id") or model_name
    if not named:
        node.tell(
            node.path or "(document)",
            "it names no model: callers' own names can't be passed on; set override_params.model",
        )
        return ""
    account = _account(node, profile, slug, named, settings, draft)
    if not account:
        return ""
    for name, (_, where) in override.items():
        if name != "model":
            node.tell(where, "defaults of requests have no place here: callers send them")
    made: Plain = {"provider": account, "model": reference(named)}
    if "timeout_s" in settings:
        made["timeouts"] = deadlines(settings["timeout_s"])
    for name, known in draft.models.items():
        if known == made and node.number("weight") is None:
            return name
    name = free(f"{fitting(named)}/{account}", draft.models)
    draft.models[name] = made
    return name


def _provider(node: Section, model: str) -> tuple[str, str, str]:
    """The name that stands for a provider there, the provider, and the model."""
    if model.startswith("@"):
        slug, _, model = model[1:].partition("/")
    else:
        slug = ""
    said = node.text("provider")
    virtual = node.text("virtual_key")
    slug = slug or said.removeprefix("@") or virtual
    if slug in PROFILE_OF:
        return slug, slug, model
    words = slug.lower()
    longest = sorted(PROFILE_OF, key=len, reverse=True)
    return slug, next((one for one in longest if one in words), ""), model


def _account(node: Section, profile: str, slug: str, model: str, settings: Plain, draft: Draft) -> str:
    match profile:
        case "azure":
            return _azure(node, slug, model, draft)
        case "bedrock":
            return _bedrock(node, draft)
        case "vertex":
            return _vertex(node, draft)
        case _:
            return _keyed(node, profile, slug, settings, draft)


def _key(node: Section, profile: str, slug: str, draft: Draft) -> str:
    key = node.text("api_key")
    usual = key_variable(profile)
    if key:
        return draft.secret(key, node, "api_key", usual)
    if slug in PROFILE_OF:
        return f"${{env:{usual}}}"
    name = variable(slug, "api_key")
    node.tell(node.at("virtual_key" if node.text("virtual_key") else "provider"), KEPT_THERE.format(name))
    return f"${{env:{name}}}"


def _keyed(node: Section, profile: str, slug: str, settings: Plain, draft: Draft) -> str:
    host = str(settings.get("custom_host", ""))
    made: Plain = {}
    if host and profile == "openai" and not host.startswith(OPENAI):
        profile = "compatible"
    if host:
        made["base_url"] = reference(host).rstrip("/")
    elif profile == "compatible":
        node.tell(node.at("custom_host"), "it is missing, and the provider has no usual address")
        return ""
    if profile not in LOCAL or node.text("api_key"):
        made["key"] = _key(node, profile, slug, draft)
    organization = node.text("openai_organization")
    if organization:
        made["headers"] = {"OpenAI-Organization": reference(organization)}
    return draft.account(profile, made)


def _azure(node: Section, slug: str, model: str, draft: Draft) -> str:
    resource, version = node.text("azure_resource_name"), node.text("azure_api_version")
    if not resource:
        node.tell(node.at("azure_resource_name"), "it is missing: an Azure resource has an address of its own")
        return ""
    host = f"https://{reference(resource)}.openai.azure.com/openai"
    made: Plain = {"base_url": f"{host}/v1"}
    if version and version not in ("v1", "preview", "latest"):
        made = {"base_url": f"{host}/deployments/{model}", "query": {"api-version": version}}
    node.leave("azure_model_name", "not needed: the deployment says it")
    return draft.account("azure", {**made, "key": _key(node, "azure", slug, draft)})


def _bedrock(node: Section, draft: Draft) -> str:
    region = reference(node.text("aws_region") or "us-east-1")
    auth: Plain = {"region": region}
    names: Mapping[str, str] = {
        "aws_access_key_id": "access_key",
        "aws_secret_access_key": "secret_key",
        "aws_session_token": "session_token",
    }
    for theirs, ours in names.items():
        if node.text(theirs):
            auth[ours] = draft.secret(node.text(theirs), node, theirs, theirs.upper())
    if node.text("aws_role_arn"):
        auth["role_arn"] = reference(node.text("aws_role_arn"))
        if node.text("aws_external_id"):
            auth["external_id"] = reference(node.text("aws_external_id"))
    made: Plain = {"base_url": f"https://bedrock-runtime.{region}.amazonaws.com", "auth": {"aws": auth}}
    return draft.account("bedrock", made)


def _vertex(node: Section, draft: Draft) -> str:
    project = node.text("vertex_project_id")
    region = reference(node.text("vertex_region") or "us-central1")
    if not project:
        node.tell(node.at("vertex_project_id"), "it is missing: Vertex accounts are those of a project")
        return ""
    node.leave("vertex_service_account_json", "credentials are not copied: write `auth.gcp.credentials_file`")
    host = "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
    base = f"https://{host}/v1/projects/{reference(project)}/locations/{region}"
    return draft.account("vertex", {"base_url": base, "auth": {"gcp": {}}})
