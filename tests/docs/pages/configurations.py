"""Whether the configurations on pages hold."""

import re
from pathlib import Path
from typing import Any

import yaml

from antiphon.cli.lab import read
from antiphon.config.load import Loaded, load_text
from antiphon.providers.lab.settings import LabSettings

BASE = """
providers:
  lab: {lab: {models: {lab-fast: {}}}}
models:
  lab-fast: {provider: lab, tier: fast}
"""
"""What a fragment is laid over."""


class _Loader(yaml.SafeLoader):
    """PyYAML's, but for YAML 1.1's other words for true and false: `on` is a key of ours."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
VARIABLE = re.compile(r"\$\{env:(\w+)\}")
FILE = re.compile(r"\$\{file:[^}]+\}")


def whole(text: str, name: str, base: Path) -> Loaded:
    """A configuration by itself. Raises: ConfigError."""
    return load_text(FILE.sub("sk-from-a-file", text), name, base, _environ(text))


def fragment(text: str, name: str, base: Path) -> Loaded:
    """A part of one, laid over `BASE`. Raises: ConfigError."""
    low, high = (yaml.load(part, Loader=_Loader) for part in (BASE, text))
    laid = yaml.safe_dump(_over(low, high), sort_keys=False)
    return whole(laid, name, base)


def lab(file: Path) -> LabSettings:
    """Lab models. Raises: ConfigError."""
    return read(file)


def _environ(text: str) -> dict[str, str]:
    return {name: f"sk-example-{name}" for name in VARIABLE.findall(text)}


def _over(low: Any, high: Any) -> Any:
    if isinstance(low, dict) and isinstance(high, dict):
        return low | {key: _over(low[key], value) if key in low else value for key, value in high.items()}
    return high
