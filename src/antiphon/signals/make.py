"""Makes the bundled tables again: `python -m antiphon.signals.make language PROFILES`, or `… learned SEEDS OUTCOMES`.

`PROFILES` is the folder `profiles` of an installed langdetect. `SEEDS` is `bench/tools/signals` of this repository, and
`OUTCOMES` a folder with `mmlupro.jsonl.gz` and `zeroeval.jsonl.gz`, which `bench/fetch_data.py` brings. Every fifth line of
these, and every prompt of `SEEDS/held-out.json`, is not learned from: how right the models are on them is printed.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from antiphon.signals.make_data import Seeds
from antiphon.signals.make_language import make_language

DATA = Path(__file__).parent / "data"
COOLING = {"latin": 0.6, "cyrillic": 0.6, "arabic": 0.6, "devanagari": 0.6}
"""Found on 6,313 short texts in 46 languages, the translations of a web framework's messages."""


def main(arguments: list[str]) -> int:
    """Write files. Returns: the exit code, 2 when the arguments say nothing that can be done."""
    day = datetime.now(UTC).date().isoformat()
    match arguments:
        case ["language", profiles]:
            source = f"langdetect 1.0.9, {day}"
            _write("language", make_language(Path(profiles), source, COOLING))
        case ["learned", seeds, outcomes]:
            from antiphon.signals.make_models import make_models

            for name, value, report in make_models(Seeds(Path(seeds), Path(outcomes)), day):
                _write(name, value)
                sys.stdout.write(f"{name}: {report}\n")
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


def _write(name: str, value: object) -> None:
    (DATA / f"{name}.json").write_bytes(msgspec.json.encode(value) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
