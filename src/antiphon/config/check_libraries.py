"""Libraries that settings need and that are not installed."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem

LIBRARIES: Mapping[str, tuple[str, str]] = {
    "aws": ("botocore", "botocore"),
    "azure": ("azure.identity", "azure-identity"),
    "gcp": ("google.auth", "google-auth"),
}
"""By section of `auth`, which is the extra's name too: the module that is imported, and the library that brings it."""


def check_libraries(settings: Settings, written: Written) -> Iterator[Problem]:
    """Credentials of clouds whose library is missing. It is looked for, not imported."""
    for name, provider in settings.providers.items():
        for section, (module, library) in LIBRARIES.items():
            path = ("providers", name, "auth", section)
            if getattr(provider.auth, section, None) is None or not written.sound(path) or _found(module):
                continue
            wrong = f"it needs {library}, which is not installed"
            yield written.problem(path, wrong, f"run: pip install 'antiphon[{section}]'")


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
