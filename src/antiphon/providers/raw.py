"""An account reached as it is: any path of its API, under our credential."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from msgspec import Struct

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.money import NANO_PER_USD, NanoUsd
from antiphon.core.ports import Outbound
from antiphon.core.request import Dialect
from antiphon.core.secret import Secret
from antiphon.core.ticket import Bound
from antiphon.net.dial import proxy_authorization
from antiphon.providers.profile import Profile, Way
from antiphon.providers.settings import HoldSettings, ProviderSettings
from antiphon.providers.target import Account, Target, target
from antiphon.providers.ways import COMPATIBLE, GEMINI, MESSAGES, RESPONSES

FILES = frozenset({"openai", "azure", "groq", "mistral", "together", "lab", "compatible"})
"""Profiles that keep files as OpenAI does, at `/files`."""
BATCHES = FILES - {"mistral", "together"}
"""Those that run batches as OpenAI does. Mistral's are at `/batch/jobs`, Together's answers have another form
(docs.mistral.ai/capabilities/batch, docs.together.ai/reference/batch-create; 2026-11)."""
REALTIME = frozenset({"openai", "azure", "lab", "compatible"})
"""Those that hold sessions over WebSockets as OpenAI does, at `/realtime`."""
_MARKS = {"**": ".*", "*": "[^/]*"}
_KEYS_IN_QUERY = frozenset({"key", "api_key", "api-key", "access_token"})
"""Where callers' own credentials stand in queries: Gemini's `key`, and its like."""


class Meter(Struct, frozen=True, kw_only=True):
    """A path whose answers say what they used, and how they say it."""

    pattern: re.Pattern[str]
    dialect: Dialect
    streams: bool
    """Its answers are streams, whatever the request's body says."""


class Raw(Struct, frozen=True, kw_only=True):
    """An account as it is."""

    account: Account
    target: Target
    """Stands for the account where an attempt needs a deployment."""
    root: str
    """Path of the base URL, without a slash at its end."""
    allow: tuple[re.Pattern[str], ...] = ()
    """Methods and paths that may be asked for, as in `GET /models`."""
    enabled: bool = False
    files: bool = False
    batches: bool = False
    meters: tuple[Meter, ...] = ()
    models: Mapping[str, Deployment] = {}
    """Its deployments by the provider's id of their model; of several with one id the first."""
    public: Mapping[str, tuple[str, ...]] = {}
    """Public names that lead to each id."""
    hold: Bound = Bound(money_nano_usd=None, tokens=None)
    """What is held for a request whose most use nothing tells."""
    ids: Mapping[str, str] = {}
    """The other way round: the id that a public name leads to here."""
    barred: Mapping[str, str] = {}
    """Deployments that policy leaves out for whoever asks, with the rules that do."""

    @property
    def name(self) -> str:
        return self.account.name

    def allows(self, method: str, path: str) -> bool:
        """Whether a path behind the base URL may be asked for."""
        asked = f"{method} {path}"
        return any(pattern.fullmatch(asked) for pattern in self.allow)

    def meter(self, path: str) -> tuple[Meter | None, str]:
        """How an answer of a path says what it used, and the model that the path names."""
        for one in self.meters:
            found = one.pattern.fullmatch(path)
            if found is not None:
                return one, found.groupdict(default="").get("model", "")
        return None, ""


def stand_in(account: str) -> str:
    """Stands where a deployment's name would; no deployment can be called so."""
    return f"({account})"


def raw(
    account: Account,
    settings: ProviderSettings,
    deployments: Sequence[Deployment],
    routes: Mapping[str, Sequence[str]],
    total_s: float,
) -> Raw:
    """Prepare an account once, when the configuration is read.

    Args:
        deployments: All of the configuration.
        routes: Names of deployments by the public name that leads to them.
        total_s: The most that a request may take.
    """
    profile = account.profile
    timeouts = Timeouts(total_s=total_s)
    stands = Deployment(name=stand_in(account.name), provider=account.name, model="", timeouts=timeouts)
    own = {one.name: one for one in deployments if one.provider == account.name}
    models: dict[str, Deployment] = {}
    for one in own.values():
        models.setdefault(one.model, one)
    public: dict[str, tuple[str, ...]] = {}
    ids: dict[str, str] = {}
    for name, led in routes.items():
        for one in led:
            if one in own:
                model = own[one].model
                ids.setdefault(name, model)
                public[model] = (*public.get(model, ()), name)
    keeps = settings.files and profile.name in FILES
    return Raw(
        hold=_hold(settings.hold),
        account=account,
        target=target(stands, account),
        root=urlsplit(account.base_url).path.rstrip("/"),
        allow=tuple(_allowed(entry) for entry in settings.passthrough.allow),
        enabled=settings.passthrough.enabled,
        files=keeps,
        batches=keeps and profile.name in BATCHES,
        meters=_meters(profile),
        models=models,
        public=public,
        ids=ids,
    )


def _allowed(entry: str) -> re.Pattern[str]:
    method, _, path = entry.partition(" ")
    pieces = re.split(r"(\*\*?)", path)
    pattern = "".join(_MARKS.get(piece, re.escape(piece)) for piece in pieces)
    return re.compile(f"{'[A-Z]+' if method == '*' else method} {pattern}")


def _meters(profile: Profile) -> tuple[Meter, ...]:
    """The profile's own ways first; then what the same paths mean nearly everywhere."""
    return tuple(
        meter
        for way in (*profile.ways, *COMPATIBLE, RESPONSES, MESSAGES, GEMINI)
        for meter in _of(way, profile.usage_in_stream == "never")
    )


def _of(way: Way, silent: bool) -> list[Meter]:
    if way.variant or silent:
        return []  # it comes in a cloud's frames, or says nothing
    stream = way.stream_path.partition("?")[0]
    whole = Meter(pattern=_path(way.path), dialect=way.dialect, streams=False)
    return [whole, Meter(pattern=_path(stream), dialect=way.dialect, streams=True)] if stream else [whole]


def _path(path: str) -> re.Pattern[str]:
    escaped = re.escape(path.partition("?")[0])
    return re.compile(
        escaped.replace(r"\{model\}", "(?P<model>[^/:]+)").replace(r"\{action\}", "(?P<action>[A-Za-z]+)")
    )


class Asking(Struct, frozen=True, kw_only=True):
    """What is asked of an account."""

    method: str
    path: str
    """Behind the base URL, decoded, with a slash at its start."""
    query: str = ""
    """As it came, percent-encoded."""
    lines: bytes = b""
    """Header lines to send beside our own."""
    body: tuple[bytes, ...] = ()


def outbound(raw: Raw, asking: Asking, key: int, timeouts: Timeouts) -> Outbound:
    """Put a request to an account as it is, under its own credential. Raises: UpstreamAuth, where it must be signed."""
    account, made = raw.account, raw.target
    secret = account.keys[key] if account.keys else None
    head = raw_head(account, asking, secret)
    if made.signer is not None:
        first, second, *_ = head.split(b"\r\n", 2)
        path, _, query = first.decode("latin-1").split(" ")[1].partition("?")
        host = second.decode("latin-1").partition(": ")[2]
        head += made.signer.lines(asking.method, host, path, query, asking.body)
    return Outbound(
        origin=made.origin,
        head=head,
        body=asking.body,
        size_bytes=sum(map(len, asking.body)),
        timeouts=timeouts,
    )


def raw_head(account: Account, asking: Asking, secret: Secret | None) -> bytes:
    """Request line and headers: ours last, so that nothing of the caller's stands in their place."""
    url, profile = urlsplit(account.base_url), account.profile
    proxied = account.proxy and url.scheme != "https"
    place = url.path.rstrip("/") + quote(asking.path, safe="/:@!$&'()*+,;=~-._")
    query = _query(asking.query, {**dict(profile.query), **account.query})
    place = f"{place}?{query}" if query else place
    if proxied:
        place = f"http://{url.netloc}{place}"
    lines = [f"{asking.method} {place} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
    if proxied and account.proxy:
        lines.extend(proxy_authorization(account.proxy))
    headers: dict[str, str] = {"User-Agent": "antiphon", **profile.headers}
    if secret:
        headers[profile.auth_header] = f"{profile.auth_prefix}{secret.reveal()}"
    own = {name.lower() for name in account.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in own} | account.headers
    said = asking.lines.lower()
    kept = [
        f"{name}: {value}"
        for name, value in headers.items()
        if name.lower() in _ours(account) or not _says(said, name.lower().encode())
    ]
    return "\r\n".join([*lines, *kept, ""]).encode("latin-1") + asking.lines


def withheld(account: Account) -> frozenset[bytes]:
    """Headers of a caller's that don't go on to this account, beside those that never do; in lower case."""
    return frozenset(name.encode() for name in _ours(account))


def _ours(account: Account) -> frozenset[str]:
    """What the operator and the credential say, and nobody else."""
    return frozenset({account.profile.auth_header.lower(), *(name.lower() for name in account.headers)})


def _says(lines: bytes, name: bytes) -> bool:
    return lines.startswith(name + b":") or b"\r\n%b:" % name in lines


def _query(asked: str, own: Mapping[str, str]) -> str:
    """A caller's query, less its credentials and what we say ourselves."""
    drop = _KEYS_IN_QUERY | own.keys()
    parts = [
        part
        for part in asked.split("&")
        if part and next(iter(parse_qsl(part, keep_blank_values=True)), ("", ""))[0] not in drop
    ]
    return "&".join([*parts, urlencode(own)] if own else parts)


def _hold(settings: HoldSettings) -> Bound:
    usd, tokens = settings.usd, settings.tokens
    money = None if usd is None else NanoUsd(round(usd * NANO_PER_USD))
    return Bound(money_nano_usd=money, tokens=tokens, likely_nano_usd=money or 0, likely_input_tokens=tokens or 0)
