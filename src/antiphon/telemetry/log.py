"""One JSON line an event, on stderr. No prompt, answer or secret is ever a field."""

import json
import logging
import sys
import time
from typing import TextIO

import msgspec

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


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
            return msgspec.json.encode(line, enc_hook=str).decode()
        except (TypeError, ValueError):  # half a surrogate pair, a key that is no text: said as well as can be
            return json.dumps({str(name): str(value) for name, value in line.items()})


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
