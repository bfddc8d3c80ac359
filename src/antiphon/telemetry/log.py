"""One JSON line an event, on stderr. No prompt, answer or secret is ever a field."""

import json
import logging
import re
import sys
import time
from typing import TextIO

import msgspec

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What ends a line, moves a cursor or turns text round for some reader, and is no control character to JSON."""


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


class JsonLines(logging.Formatter):
    """`{"at", "level", "event", ...fields}`; the event's name is `noun.verb`, fields come by `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "at": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if not record.name.startswith("antiphon"):
            line |= {"event": "library.logged", "library": record.name, "text": record.getMessage()}
        line.update((name, value) for name, value in record.__dict__.items() if name not in _OWN)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            text = msgspec.json.encode(line, enc_hook=str).decode()
        except (TypeError, ValueError):  # half a surrogate pair, a key that is no text: said as well as can be
            text = json.dumps({str(name): str(value) for name, value in line.items()})
        return _UNSEEN.sub(_escaped, text)


def start(least: str, stream: TextIO | None = None) -> None:
    """Send the log of this process to a stream, stderr unless told."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level(least)


def level(least: str) -> None:
    """Write lines of this severity and above."""
    logging.getLogger().setLevel(least.upper())
