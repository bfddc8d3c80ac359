"""A configuration of ours in the making: names, accounts, secrets, and the YAML at the end."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from antiphon.config.check_unpriced import REMEDY, refused, said
from antiphon.config.importing.source import Left, Section, read
from antiphon.config.load import load_text
from antiphon.core.error import ConfigError
from antiphon.providers.profiles import PROFILES

Plain = dict[str, Any]
_ODD = re.compile(r"[^A-Za-z0-9._:/@-]+")
_PLACE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)")
_WORD = re.compile(r"[^A-Za-z0-9]+")
ENVIRON = "os.environ/"
SOME_VALUE, SOME_URL = "eu-central-1", "https://upstream.example"
"""Stand for variables while the result is checked: for keys and regions, and for addresses."""
UNNAMED = "_"
"""Stands for the variable of a secret until all others are known."""
HEAD = """# Made by `antiphon config import {kind}` from {file}.
# Check it with `antiphon config check --config FILE`; what could not be carried was told when it was made.
"""


class Imported(Struct, frozen=True, kw_only=True):
    """What came of it."""

    text: str
    """YAML that `antiphon config check` accepts, once the variables that it names are set."""
    left: list[Left]
    variables: list[str]
    """Environment variables that it names."""


class _Dumper(yaml.SafeDumper):
    """Writes what comes twice twice: people edit it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class Draft:
    """Sections as plain values, in the order in which they are written."""

    def __init__(self, named: Collection[str] | None = None) -> None:
        """`named`: variables that the source names itself: no secret gets the name of one. None: they are not known."""
        self.sections: dict[str, Any] = {
            name: [] if name in ("keys", "budgets", "limits") else {}
            for name in ("server", "calls", "keys", "budgets", "limits", "providers", "models", "routes")
        }
        self._secrets: dict[str, str] = {}
        self._named = named
        self._origins: dict[str, str] = {}

    @property
    def providers(self) -> dict[str, Plain]:
        return self.sections["providers"]

    @property
    def models(self) -> dict[str, Plain]:
        return self.sections["models"]

    @property
    def routes(self) -> dict[str, Plain]:
        return self.sections["routes"]

    def account(self, profile: str, settings: Plain) -> str:
        """Name of the account with these settings; made when there is none yet."""
        wanted = {"profile": profile, **settings}
        for name, known in self.providers.items():
            if wanted in ({"profile": name, **known}, known):
                return name
        if profile not in self.providers:
            self.providers[profile] = settings
            return profile
        name = free(profile, self.providers)
        self.providers[name] = wanted
        return name

    def budget(self, origin: str, settings: Plain) -> None:
        """Add a budget. `origin`: its path in the source."""
        self.sections["budgets"].append(settings)
        self._origins[settings["name"]] = origin

    def secret(self, value: str, section: Section, key: str, variable: str) -> str:
        """What is written for a credential: a reference. The credential itself is not copied."""
        if value.startswith(ENVIRON):
            return reference(value)
        if self._named is None:
            return f"${{env:{UNNAMED}}}"
        name = self._secrets.get(value)
        if name is None:
            taken = {*self._secrets.values(), *self._named}
            number = 2
            name = variable
            while name in taken:
                name, number = f"{variable}_{number}", number + 1
            self._secrets[value] = name
        section.tell(section.at(key), f"secrets are not copied: put it in the environment as {name}")
        return f"${{env:{name}}}"

    def variables(self) -> list[str]:
        """Environment variables that it names so far."""
        return list(dict.fromkeys(_PLACE.findall(self._body())))

    def _body(self) -> str:
        written = {name: value for name, value in self.sections.items() if value}
        return yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110) if written else "{}\n"

    def finish(self, kind: str, file: Path, left: list[Left]) -> Imported:
        """Write it, and see to it that it holds. Raises: ConfigError, which would be a fault of the importer."""
        text = HEAD.format(kind=kind, file=_ODD.sub(" ", file.name)) + self._body()
        variables = self.variables()
        try:
            loaded = load_text(text, "(imported)", Path.cwd(), self._environ(variables), here=False)
        except ConfigError as error:
            error.add_note("this is what the importer made of it; please tell us, and mend these lines by hand")
            raise
        unpriced = refused(loaded.settings, PROFILES, date.max)
        told = [Left(self._origins[name], f"it {said(models)}; {REMEDY} {name}") for name, models in unpriced.items()]
        return Imported(text=text, left=[*left, *told], variables=variables)

    def _environ(self, variables: list[str]) -> dict[str, str]:
        addresses = [str(one.get("base_url", "")) for one in self.providers.values()]
        urls = {name for name in variables if any(one.startswith(f"${{env:{name}}}") for one in addresses)}
        return {name: SOME_URL if name in urls else SOME_VALUE for name in variables}


def drafted(kind: str, file: Path, carry: Callable[[Section, Draft], None]) -> Imported:
    """Carry a file over. That is done twice: secrets get names once those of all other variables are known.

    Raises: ConfigError.
    """
    first = Draft()
    carry(read(file), first)
    source, draft = read(file), Draft({*first.variables()} - {UNNAMED})
    carry(source, draft)
    return draft.finish(kind, file, source.left)


def free(name: str, taken: Mapping[str, object]) -> str:
    """The name, with a number behind it where it is taken."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def fitting(name: str) -> str:
    """A name that ours may have, as near to another as it gets; empty: none."""
    return _ODD.sub("-", name).lstrip("-._:/@").rstrip("-")


def reference(value: str) -> str:
    """A text as ours writes it: `os.environ/NAME` is `${env:NAME}`, and a plain `${` is escaped."""
    if value.startswith(ENVIRON):
        return f"${{env:{value.removeprefix(ENVIRON)}}}"
    return value.replace("${", "$${")


def slug(*words: str) -> str:
    """A name of letters, digits and hyphens."""
    return "-".join(_WORD.sub("-", word).strip("-").lower() for word in words if word) or "one"


def variable(*words: str) -> str:
    """A name for an environment variable."""
    return "_".join(_WORD.sub("_", word).strip("_").upper() for word in words if word)
