"""Libraries that only some need: looked for when a configuration that names them is read."""

import importlib
from types import ModuleType

from antiphon.core.error import ConfigError, Problem


def require(module: str, extra: str, path: str, purpose: str) -> ModuleType:
    """A module of an optional library.

    Args:
        extra: The extra of this package that brings it.
        path: The setting that needs it.
        purpose: What for, as the start of a sentence: `signing requests to AWS`.

    Raises: ConfigError when it is not installed; it names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # The library itself, or one of those that it needs.
        absent = (error.name or module).partition(".")[0]
        problem = Problem(
            file=absent,
            line=0,
            path=path,
            wrong=f"{purpose} needs {absent}, which is not installed",
            remedy=f"run: pip install 'antiphon[{extra}]'",
        )
        raise ConfigError([problem]) from None
