"""Writes the catalogue's files again: `python -m antiphon.providers.catalogue.make prices`, or `… capabilities FILE NAME`.

`prices` reads an installed genai-prices; `capabilities` reads LiteLLM's model_prices_and_context_window.json, and NAME is
what receipts and pages call it, such as `litellm 1.109.1`.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from antiphon.providers.catalogue.make_capabilities import make_capabilities
from antiphon.providers.catalogue.make_prices import make_prices

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Write files. Returns: the exit code, 2 when the arguments say nothing that can be done."""
    day = datetime.now(UTC).date()
    match arguments:
        case ["prices"]:
            _write("prices", make_prices(day))
        case ["capabilities", file, name]:
            _write("capabilities", make_capabilities(Path(file).read_bytes(), f"{name}, {day.isoformat()}"))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


def _write(what: str, made: Iterable[tuple[str, Struct]]) -> None:
    """One file for each provider, a line for each model so that a change can be read."""
    folder = HERE / what
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for provider, value in made:
        text = msgspec.json.encode(value).replace(b'},{"id":', b'},\n{"id":').replace(b'},"', b'},\n"')
        (folder / f"{provider}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
