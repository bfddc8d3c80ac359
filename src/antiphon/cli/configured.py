"""The configuration that a command works by."""

from argparse import Namespace
from pathlib import Path

from antiphon.config.load import Loaded, environment, load


def configured(arguments: Namespace) -> Loaded:
    """What `--config` names, else the usual one. Raises: ConfigError."""
    return load(Path(arguments.config) if arguments.config else None, environment())
