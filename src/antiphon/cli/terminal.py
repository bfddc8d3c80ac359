"""Where commands write: data on stdout, everything for people on stderr, colour on terminals alone."""

import json
import re
import sys
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line feed: with these a text from elsewhere could drive a terminal."""


def clean(text: str) -> str:
    """The text without control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str) -> None:
    """A line for people, on stderr; it may quote what came from elsewhere."""
    sys.stdout.flush()
    print(clean(text), file=sys.stderr, flush=True)


def aside(text: str) -> None:
    """A line for people beside the point, on stderr."""
    sys.stdout.flush()
    print(dim(clean(text)), file=sys.stderr, flush=True)


def put(text: str) -> None:
    """A command's result, on stdout, with a line break at its end."""
    end = "" if text.endswith("\n") else "\n"
    print(text, end=end)


def document(value: object) -> None:
    """The one JSON document of a command."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def colours(stream: TextIO) -> bool:
    """Whether a stream may be written to in colour. Source: https://no-color.org."""
    if not stream.isatty():
        return False
    from antiphon.config.load import environment

    environ = environment()
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def bold(text: str) -> str:
    """A heading on stdout."""
    return f"\x1b[1m{text}\x1b[22m" if colours(sys.stdout) else text


def dim(text: str) -> str:
    """Something beside the point, on stderr."""
    return f"\x1b[2m{text}\x1b[22m" if colours(sys.stderr) else text
