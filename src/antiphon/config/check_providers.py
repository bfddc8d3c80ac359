"""Mistakes among providers and their lab models."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from antiphon.config.check_credentials import check_credentials
from antiphon.config.check_headers import check_headers, check_url
from antiphon.config.pem import MENDED, why_no_authorities, why_no_file
from antiphon.config.resolve import LAB_PROFILE, off_providers, profile_name
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.providers.lab.settings import LabModel, LabSettings
from antiphon.providers.profile import Profile
from antiphon.providers.settings import ProviderSettings
from antiphon.wire.yaml_node import Path

REPLAYS = (".jsonl", ".jsonl.gz", ".parquet")


def check_providers(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Profiles that don't exist, addresses and files that can't be used, lab settings out of place."""
    off = off_providers(settings, profiles)
    for name, provider in settings.providers.items():
        path: Path = ("providers", name)
        row = profile_name(settings, name)
        if written.sound((*path, "profile")):
            yield from _profile(provider, row, path, written, profiles)
        if row in profiles and name not in off:
            yield from _address(provider, profiles[row], path, written)
        yield from _places(provider, path, written)
        yield from _auth(provider, path, written)
        if provider.lab is not None:
            yield from _lab(provider.lab, (*path, "lab"), written)


def _profile(
    provider: ProviderSettings, row: str, path: Path, written: Written, profiles: Mapping[str, Profile]
) -> Iterator[Problem]:
    where = (*path, "profile") if written.has((*path, "profile")) else path
    if row not in profiles:
        remedy = choose(row, tuple(profiles), "profiles")
        extra = "" if where != path else " Name it under `profile`"
        yield written.problem(where, f"there is no profile {row}", remedy + extra)
        return
    is_lab, has_lab = row == LAB_PROFILE, written.has((*path, "lab"))
    if has_lab and not is_lab:
        wrong = f"lab models go with the profile {LAB_PROFILE}, not with {row}"
        yield written.problem((*path, "lab"), wrong, f"write `profile: {LAB_PROFILE}`, or leave `lab` out")
    if is_lab and not has_lab:
        yield written.problem((*path, "lab"), "is missing", f"the profile {LAB_PROFILE} needs its models: write `lab:`")
    if is_lab and provider.base_url is not None:
        remedy = "leave it out; for a lab server of its own write `profile: compatible`"
        yield written.problem((*path, "base_url"), "the gateway runs lab models itself", remedy)


def _auth(provider: ProviderSettings, path: Path, written: Written) -> Iterator[Problem]:
    if provider.auth is None:
        return
    for below, wrong, remedy in provider.auth.check():
        where = (*path, "auth", *(part for part in below.split(".") if part))
        yield written.problem(where, wrong, remedy)
    if provider.key or provider.keys:
        yield written.problem((*path, "auth"), "there is a key beside it", "leave one of them out")


def _address(provider: ProviderSettings, profile: Profile, path: Path, written: Written) -> Iterator[Problem]:
    lacks = provider.base_url is None and profile.base_url is None and profile.name != LAB_PROFILE
    if lacks and written.sound((*path, "base_url"), (*path, "profile")):
        note = f" ({profile.note})" if profile.note else ""
        wrong = f"is missing: the profile {profile.name} has no address of its own"
        yield written.problem((*path, "base_url"), wrong, f"write `base_url:` with its URL{note}")


def _places(provider: ProviderSettings, path: Path, written: Written) -> Iterator[Problem]:
    if provider.base_url is not None:
        yield from _base_url(provider.base_url, (*path, "base_url"), written)
    if provider.proxy is not None:
        yield from check_url(provider.proxy, (*path, "proxy"), written)
    yield from check_credentials(provider, path, written)
    yield from check_headers(provider.headers, (*path, "headers"), written)
    wrong = why_no_authorities(provider.ca_file) if provider.ca_file is not None else ""
    if wrong:
        yield written.problem((*path, "ca_file"), wrong, MENDED)


def _base_url(text: str, path: Path, written: Written) -> Iterator[Problem]:
    wrong = [*check_url(text, path, written)]
    yield from wrong
    if "?" in text or "#" in text:
        yield written.problem(path, "has a ? or # in it", "write its parameters under `query`")
    if not wrong and "@" in urlsplit(text).netloc:
        yield written.problem(path, "has a user or password in it", "leave them out, and write the credential as `key`")


def _lab(lab: LabSettings, path: Path, written: Written) -> Iterator[Problem]:
    if not lab.models and written.sound((*path, "models")):
        yield written.problem((*path, "models"), "holds no models", "write at least one")
    for name, model in lab.models.items():
        at = (*path, "models", name)
        spread = model.first_token
        if 0 < spread.p99_ms < spread.p50_ms and written.sound((*at, "first_token")):
            wrong = f"{spread.p99_ms:g} is below the median, {spread.p50_ms:g}"
            yield written.problem((*at, "first_token", "p99_ms"), wrong, "write at least as much as `p50_ms`")
        if model.replay is not None:
            yield from _replay(model.replay, (*at, "replay"), written)
        if model.script and written.sound((*at, "script")):
            yield from _script(model, (*at, "script"), written)


def _script(model: LabModel, path: Path, written: Written) -> Iterator[Problem]:
    if model.replay is not None:
        yield written.problem(path, "stands beside `replay`", "keep one of them")
    scripts: Any = import_module("antiphon.providers.lab.script")  # templates are loaded where there is a script
    try:
        scripts.Script(model.script)
    except ValueError as error:
        yield written.problem(path, str(error), "write an expression or a template of Jinja")


def _replay(file: str, path: Path, written: Written) -> Iterator[Problem]:
    if not file.endswith(REPLAYS):
        yield written.problem(path, f"{file} has none of the known endings", f"name a file in {', '.join(REPLAYS)}")
        return
    wrong = why_no_file(file)
    if wrong:
        yield written.problem(path, wrong, "write the path of a file that this process may read")
