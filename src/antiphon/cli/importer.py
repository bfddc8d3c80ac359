"""`antiphon config import litellm|portkey`."""

from argparse import Namespace
from pathlib import Path

from msgspec import to_builtins

from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.cli.text import counted, table
from antiphon.config.importing import litellm, portkey
from antiphon.config.importing.draft import Imported
from antiphon.core.error import BadRequest


def run(arguments: Namespace) -> int:
    """Import one file."""
    convert = {"litellm": litellm.convert, "portkey": portkey.convert}[arguments.verb]
    found = convert(Path(arguments.file))
    if arguments.out is not None:
        _write(Path(arguments.out), found.text)
    if arguments.json:
        document({"configuration": found.text, "left": to_builtins(found.left)})
    elif arguments.out is None:
        put(found.text)
    _tell(found, arguments.out)
    return Exit.OK


def _write(file: Path, text: str) -> None:
    """Raises: BadRequest, OSError."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise BadRequest(f"{file} is there already; name another file, or move it away") from None


def _tell(found: Imported, out: str | None) -> None:
    if found.left:
        say("\n".join([f"{counted(len(found.left), 'setting')} could not be carried as they were:", *_lines(found)]))
    if found.variables:
        say(f"It needs these in its environment: {', '.join(found.variables)}")
    if out is not None:
        say(f"written to {out}; next: antiphon config check --config {out}")


def _lines(found: Imported) -> list[str]:
    return [f"  {line}" for line in table([(one.path, one.why) for one in found.left])]
