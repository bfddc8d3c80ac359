"""Mistakes of the console's settings."""

from collections.abc import Iterator

from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem


def check_console(settings: Settings, written: Written) -> Iterator[Problem]:
    """It is served by the admin API's listener."""
    if settings.console is not None and settings.admin is None and written.sound(("console",), ("admin",)):
        yield written.problem(
            ("console",), "is served by the admin API's listener, and there is none", "add `admin: {}`"
        )
