"""Fuzz every target for some time, two at once: `python tests/fuzz/every.py [TARGET ...]`, or `make fuzz`.

The environment's `SECONDS_EACH` says how long each is run (600). What is found lies in `.cache/fuzz/found`; a line for
each target says how much was run. `--pack` takes the smallest inputs that reach what is known into `tests/fuzz/corpus`.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

from harness import packed, seeds  # noqa: E402
from harness.least import least  # noqa: E402
from harness.table import TARGETS  # noqa: E402

WORK = HERE.parents[1] / ".cache" / "fuzz"
AT_ONCE = 2
MOST_BYTES = 12_288
"""Of one input: longer ones find nothing more here, and take longer."""
MOST_KEPT = 40_000
"""Bytes of a target's inputs that are kept."""
DONE = re.compile(r"Done (\d+) runs in (\d+) second")
STATE = re.compile(r"#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)")


def fuzz(target: str, seconds: int) -> bool:
    """Run one target and tell of it. Returns: whether nothing was found."""
    corpus, found = WORK / "corpus" / target, WORK / "found"
    packed.unpack([*packed.load(target), *seeds.of(target)], corpus)
    found.mkdir(parents=True, exist_ok=True)
    log = WORK / f"{target}.log"
    command = [
        "nice", "-n", "15", sys.executable, str(HERE / "run.py"), target, str(corpus),
        f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-timeout=20", "-rss_limit_mb=1500",
        f"-artifact_prefix={found}/{target}-", "-print_final_stats=1", "-len_control=0",
    ]  # fmt: skip
    with log.open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=out, check=False).returncode
    said = log.read_text("utf-8", "replace")
    runs, states = DONE.search(said), STATE.findall(said)
    count, coverage, features, inputs = states[-1] if states else ("0", "0", "0", "0")
    ended = f"{int(runs[1]):,} runs in {runs[2]} s" if runs else f"{int(count):,} runs, ended with {code}: see {log}"
    print(f"{target}: {ended}; coverage {coverage}, features {features}, inputs {inputs}", flush=True)
    return code == 0


def pack(target: str) -> None:
    """Keep the smallest inputs that reach as much as all of them do, as far as there is room."""
    grown = [file.read_bytes() for file in sorted((WORK / "corpus" / target).glob("*"))]
    inputs = least(TARGETS[target], [*grown, *packed.load(target), *seeds.of(target)], MOST_KEPT)
    packed.save(target, inputs)
    print(f"{target}: {len(inputs)} inputs kept", flush=True)


def main() -> None:
    chosen = [name for name in sys.argv[1:] if not name.startswith("--")] or list(TARGETS)
    seconds = int(os.environ.get("SECONDS_EACH", "600"))
    if "--pack" in sys.argv:
        for target in chosen:
            pack(target)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        clean = list(pool.map(lambda name: fuzz(name, seconds), chosen))
    sys.exit(0 if all(clean) else 1)


if __name__ == "__main__":
    main()
