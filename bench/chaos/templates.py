"""Configurations with a part for each deployment."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from .weather import Lab

EACH = re.compile(r"^ *# for each deployment\n(.*?)^ *# end\n", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^#.*\n", re.MULTILINE)
TRAILING_COMMA = re.compile(r",(\s*[\]}])")


def filled(text: str, labs: Sequence[Lab]) -> str:
    """The text with its part for each deployment there once for each lab."""

    def repeated(match: re.Match[str]) -> str:
        part = match.group(1)
        return "".join(part.replace("DEPLOYMENT", lab.name).replace("PORT", str(lab.port)) for lab in labs)

    return EACH.sub(repeated, text)


def filled_json(text: str, labs: Sequence[Lab]) -> str:
    """The same of JSON with comments, in one line."""
    return json.dumps(json.loads(TRAILING_COMMA.sub(r"\1", COMMENT.sub("", filled(text, labs)))))
