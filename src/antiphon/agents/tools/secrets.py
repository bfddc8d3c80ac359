"""Secrets of tools: documents name them, and nobody reads them there."""

import re
from collections.abc import Callable

from antiphon.core.error import BadRequest

Secrets = Callable[[str], str | None]
"""What `env:NAME` or `file:PATH` stands for; None: there is no such thing here."""
PLACE = re.compile(r"\$\$\{|\$\{((?:env|file):[^}]+)\}")
"""`$${` is a plain `${`: what stands behind it is no secret's name."""


def revealed(text: str, secrets: Secrets) -> str:
    """A text with every `${env:NAME}` and `${file:PATH}` put in. Raises: BadRequest, naming what isn't there."""

    def put(place: re.Match[str]) -> str:
        if place.group(1) is None:
            return "${"
        found = secrets(place.group(1))
        if not found:
            raise BadRequest(f"{place.group(0)} is not set; set it where the gateway runs")
        return found

    return PLACE.sub(put, text)
