"""Where a LiteLLM entry goes, and as whom: the account that it needs."""

from antiphon.config.importing.draft import Draft, Plain, reference
from antiphon.config.importing.names import LOCAL, key_variable
from antiphon.config.importing.source import Section

OPENAI = "https://api.openai.com"
OLLAMA_KEY = ("ollama", "ollama_chat")


def account(params: Section, profile: str, model: str, draft: Draft) -> tuple[str, str] | None:
    """The account's name, and the model as that provider calls it; None: it can't be carried, which is told."""
    match profile:
        case "azure":
            return _azure(params, model, draft)
        case "bedrock":
            return _bedrock(params, model, draft)
        case "vertex":
            return _vertex(params, model, draft)
        case _:
            return _keyed(params, profile, model, draft)


def _keyed(params: Section, profile: str, model: str, draft: Draft) -> tuple[str, str] | None:
    """An account that a key and an address are all of."""
    base = params.text("api_base") or params.text("base_url")
    if profile == "openai" and base and not base.startswith((OPENAI, "os.environ/")):
        profile = "compatible"
    settings: Plain = {}
    if base:
        settings["base_url"] = _address(base, profile)
        if base.startswith("os.environ/"):
            params.tell(params.at("api_base"), f"it must be an address up to and with its version; profile: {profile}")
    elif profile == "compatible":
        params.tell(params.at("api_base"), "it is missing, and the provider has no usual address")
        return None
    key = params.text("api_key")
    if key and key.lower() not in ("none", "fake-key", "dummy"):
        settings["key"] = draft.secret(key, params, "api_key", key_variable(profile))
    elif profile not in LOCAL:
        settings["key"] = f"${{env:{key_variable(profile)}}}"
    headers = _headers(params)
    if headers:
        settings["headers"] = headers
    return draft.account(profile, settings), reference(model)


def _address(base: str, profile: str) -> str:
    """Ours end with the version; LiteLLM adds it for some providers."""
    text = reference(base).rstrip("/")
    if base.startswith("os.environ/"):
        return text
    if profile == "anthropic" and not text.endswith("/v1"):
        return f"{text}/v1"
    return f"{text}/v1" if profile == "ollama" and not text.endswith("/v1") else text


def _headers(params: Section) -> dict[str, str]:
    given = params.section("extra_headers")
    headers = {name: reference(given.text(name)) for name in given}
    organization = params.text("organization")
    if organization:
        headers["OpenAI-Organization"] = reference(organization)
    return headers


def _azure(params: Section, model: str, draft: Draft) -> tuple[str, str] | None:
    """With a dated version the older paths are used, which have the deployment in the address."""
    base, version = params.text("api_base"), params.text("api_version")
    if not base:
        params.tell(params.at("api_base"), "it is missing: an Azure resource has an address of its own")
        return None
    text = reference(base).rstrip("/").removesuffix("/openai/v1").removesuffix("/openai")
    settings: Plain = {}
    if version and version not in ("v1", "preview", "latest") and not version.startswith("os.environ/"):
        settings["base_url"] = f"{text}/openai/deployments/{model}"
        settings["query"] = {"api-version": version}
    else:
        settings["base_url"] = f"{text}/openai/v1"
        if version.startswith("os.environ/"):
            params.tell(params.at("api_version"), "the version of the API is v1 here, which needs no date")
    identity = {name: params.text(name) for name in ("tenant_id", "client_id", "client_secret")}
    if all(identity.values()):
        secret = draft.secret(identity["client_secret"], params, "client_secret", "AZURE_CLIENT_SECRET")
        ids = {name: reference(identity[name]) for name in ("tenant_id", "client_id")}
        settings["auth"] = {"azure": {"identity": "secret", **ids, "client_secret": secret}}
    elif params.text("azure_ad_token"):
        params.tell(params.at("azure_ad_token"), "a token that ends is no credential here: `auth.azure` asks for them")
        settings["auth"] = {"azure": {"identity": "managed"}}
    else:
        key = params.text("api_key") or "os.environ/AZURE_API_KEY"
        settings["key"] = draft.secret(key, params, "api_key", "AZURE_API_KEY")
    return draft.account("azure", settings), reference(model)


def _bedrock(params: Section, model: str, draft: Draft) -> tuple[str, str] | None:
    """`bedrock/converse/MODEL` and `bedrock/REGION/MODEL` are written so too."""
    route, slash, rest = model.partition("/")
    region = params.text("aws_region_name")
    if slash and route in ("converse", "invoke", "converse_like"):
        model = rest
    elif slash and route.count("-") >= 2 and not model.startswith("arn:"):
        region, model = region or route, rest
    if not region:
        region = "os.environ/AWS_REGION"
    auth: Plain = {"region": reference(region)}
    names = {
        "aws_profile_name": "profile",
        "aws_role_name": "role_arn",
        "aws_session_name": "session_name",
        "aws_external_id": "external_id",
    }
    for theirs, ours in names.items():
        if params.text(theirs):
            auth[ours] = reference(params.text(theirs))
    for theirs, ours in {
        "aws_access_key_id": "access_key",
        "aws_secret_access_key": "secret_key",
        "aws_session_token": "session_token",
    }.items():
        if params.text(theirs):
            auth[ours] = draft.secret(params.text(theirs), params, theirs, theirs.upper())
    endpoint = (
        params.text("aws_bedrock_runtime_endpoint") or f"https://bedrock-runtime.{reference(region)}.amazonaws.com"
    )
    settings: Plain = {"base_url": reference(endpoint) if "${" not in endpoint else endpoint, "auth": {"aws": auth}}
    return draft.account("bedrock", settings), reference(model)


def _vertex(params: Section, model: str, draft: Draft) -> tuple[str, str] | None:
    project, region = params.text("vertex_project"), params.text("vertex_location")
    if not project:
        project = "os.environ/VERTEXAI_PROJECT"
    region = region or "us-central1"
    host = "aiplatform.googleapis.com" if region == "global" else f"{reference(region)}-aiplatform.googleapis.com"
    base = f"https://{host}/v1/projects/{reference(project)}/locations/{reference(region)}"
    credentials = params.text("vertex_credentials")
    gcp: Plain = {}
    if credentials.startswith("os.environ/"):
        gcp["credentials"] = reference(credentials)
        params.tell(params.at("vertex_credentials"), "the variable must hold the text of the JSON file, not its path")
    elif credentials.lstrip().startswith("{"):
        gcp["credentials"] = draft.secret(credentials, params, "vertex_credentials", "VERTEX_CREDENTIALS")
    elif credentials:
        gcp["credentials_file"] = reference(credentials)
    return draft.account("vertex", {"base_url": base, "auth": {"gcp": gcp}}), reference(model)
