"""Policies that a command is to work by."""

from collections.abc import Sequence
from pathlib import Path

from antiphon.config.load import Loaded
from antiphon.core.error import BadRequest
from antiphon.policy.compile import of_sources
from antiphon.policy.policies import Policies
from antiphon.policy.source import Source, files_of, read_files


def files(named: Sequence[str]) -> list[Path]:
    """The files that names stand for; a directory stands for the `.cedar` files in it. Raises: BadRequest."""
    patterns = [str(Path(one) / "*.cedar") if Path(one).is_dir() else one for one in named]
    for name, pattern in zip(named, patterns, strict=True):
        if not files_of((pattern,)):
            raise BadRequest(f"no file of policies is named so: {name}")
    return files_of(patterns)


def sources(named: Sequence[str] | None, loaded: Loaded) -> tuple[Source, ...]:
    """The texts of some files, else of those of the configuration. Raises: BadRequest, ConfigError."""
    if named:
        return read_files([str(one) for one in files(named)])
    return read_files(loaded.settings.policy.files)


def policies(each: Sequence[Source], loaded: Loaded) -> Policies:
    """Policies as the configuration would have them. Raises: ConfigError."""
    return of_sources(each, loaded.settings.policy, loaded.settings.data_classes.private_from)
