"""Makes the guards of a configuration. (H3 fills this file.)"""

from collections.abc import Mapping

from antiphon.guards.port import Guard
from antiphon.guards.settings import GuardSettings


def make(settings: Mapping[str, GuardSettings]) -> tuple[Guard, ...]:
    """The guards, in the order of the file."""
    return ()
