"""Rebuilds the recorded outcomes from the public repositories that they come from, at pinned commits.

`python bench/fetch_data.py --output DIR` writes `DIR/routing/{zeroeval,mmlupro}.jsonl.gz`; `--check DIR` only holds files
that are there against their hashes. Fetching needs the network and `tiktoken`. The hashes were taken from the files that
published results rest on. The conversion could not be run where it was written, which has no network: what differs after
fetching is told set by set, and no result counts as the same then. On the published files its rules give 98.9 % of zeroeval's
scores and 99.98 % of mmlupro's, and 94 to 98 % of the costs to their fourth digit.

The form: one line a prompt, `{"id", "dataset", "category", "prompt", "gold", "models": {MODEL: [score, input tokens,
output tokens, cost in USD, answer]}}`. Tokens are cl100k's; prices are list prices of the models' own time.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, cast

from lib.fetched_prices import PRICES

Count = Callable[[str], int]
GSM, CRUX, MATH = "gsm", "crux", "math-l5"


@dataclass(frozen=True)
class Source:
    """A repository at one commit, and what is made of it."""

    repository: str
    commit: str
    licence: str
    file_sha256: str
    """Of the packed file."""
    lines_sha256: str
    """Of its lines: whoever packs them."""
    outcomes_sha256: str
    """Of scores, tokens and answers alone: see `outcomes`."""


SOURCES = {
    "zeroeval": Source(
        "WildEval/ZeroEval",
        "8c1485e",
        "Apache-2.0",
        "27cbcde59128d5eb69f3a93a374e342e879424e915ad82bf31dfffbc8f050192",
        "9d2e047817ffc5260081c88e6c8679866af35ecf1a64863f9ef1229e7815cdbb",
        "89631bd3ad9ec8c3b73a3639cad40e4ece31d857d55ecd031cda1abb85ad2d29",
    ),
    "mmlupro": Source(
        "TIGER-AI-Lab/MMLU-Pro",
        "f418b11",
        "Apache-2.0",
        "fad1644b01b18c850c5d5207e23ae3ee5bb2ea10d94627a51a96ba989607bc12",
        "ad94592ea33c0b7b103fe13dc539a3fb667bdecf3a45f935f5894d4ffae7ca22",
        "240d4a4d483712113b6b73772e2dc5e08c384397f53c4571580c95a4da061ee5",
    ),
}


def archive(source: Source) -> zipfile.ZipFile:
    """The repository's files. Raises: OSError."""
    url = f"https://codeload.github.com/{source.repository}/zip/{source.commit}"
    with urllib.request.urlopen(url, timeout=600) as reply:
        return zipfile.ZipFile(io.BytesIO(reply.read()))


def counter() -> Count:
    """Tokens of a text as cl100k has them."""
    import tiktoken

    encoding = tiktoken.get_encoding("cl100k_base")
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def cell(model: str, right: bool | None, asked: int, answered: int, answer: str | None) -> list[Any]:
    """One model's outcome. Costs have four digits that count; one without a price is missing, never 0."""
    price = PRICES.get(model)
    cost = None if price is None else float(f"{(asked * price[0] + answered * price[1]) / 1e6:.4g}")
    return [None if right is None else float(right), asked, answered, cost, answer]


def zeroeval(files: zipfile.ZipFile, count: Count) -> Iterator[dict[str, Any]]:
    """Files `result_dirs/{gsm,crux,math-l5}/MODEL.json`: lists of items with `session_id`, `chat_history`, `output` and the
    right answer. The answer is the last JSON object's `answer`; it is right when it equals the right one: numbers by value,
    literals as Python reads them, texts without spaces.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(files.namelist()):
        place = PurePosixPath(path)
        if (
            place.suffix != ".json"
            or len(place.parts) != 4
            or place.parts[1:3] not in {("result_dirs", name) for name in (GSM, CRUX, MATH)}
        ):
            continue
        for item in items(files.read(path)):
            said, asked = item["output"][0] or "", item["chat_history"][0]
            gold = str(item.get("correct_answer") or item.get("answer") or "")
            answer = last_answer(said)
            row = found.setdefault(
                f"{place.parts[2]}/{item['session_id']}",
                {
                    "id": f"{place.parts[2]}/{item['session_id']}",
                    "dataset": "zeroeval",
                    "category": place.parts[2],
                    "prompt": item.get("question") or item.get("problem") or asked,
                    "gold": gold,
                    "models": {},
                },
            )
            right = answer is not None and plain(answer, place.parts[2]) == plain(
                gold.removeprefix("#"), place.parts[2]
            )
            row["models"][place.stem] = cell(place.stem, right, count(asked), count(said), answer)
    yield from found.values()


def mmlupro(files: zipfile.ZipFile, count: Count) -> Iterator[dict[str, Any]]:
    """Files `eval_results/model_outputs_MODEL_5shots.zip`, each of lists of items with `question_id`, `question`, `options`,
    `answer`, `category`, `pred` and `model_outputs`. Right: the letter is the answer's. The exemplars are not counted.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(files.namelist()):
        named = re.fullmatch(r"[^/]+/eval_results/model_outputs_(.+)_5shots\.zip", path)
        if named is None:
            continue
        inner = zipfile.ZipFile(io.BytesIO(files.read(path)))
        for name in sorted(inner.namelist()):
            for item in items(inner.read(name)) if name.endswith(".json") else []:
                if "question_id" in item:
                    listed = "\n".join(f"{chr(65 + at)}. {one}" for at, one in enumerate(item["options"]))
                    prompt = f"{item['question']}\n{listed}"
                    row = found.setdefault(
                        f"mmlu_pro/{item['question_id']}",
                        {
                            "id": f"mmlu_pro/{item['question_id']}",
                            "dataset": "mmlupro",
                            "category": item["category"],
                            "prompt": prompt,
                            "gold": item["answer"],
                            "models": {},
                        },
                    )
                    said, answer = item.get("model_outputs") or "", item.get("pred")
                    right = answer == item["answer"]
                    row["models"][named[1]] = cell(named[1], right, count(prompt), count(said), answer)
    yield from found.values()


def items(body: bytes) -> list[dict[str, Any]]:
    """What a file lists; none where it is no list."""
    found: Any = json.loads(body)
    return cast("list[dict[str, Any]]", found) if isinstance(found, list) else []


def last_answer(text: str) -> str | None:
    """The `answer` of the last JSON object in a text."""
    found = re.findall(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\n]+)', text)
    if not found:
        return None
    said = found[-1].strip()
    try:
        return str(json.loads(said))
    except ValueError:
        return said.strip('"')


def plain(text: str, category: str) -> str:
    """A value in one form. Of grade-school maths the first number counts, whatever stands around it."""
    if category == GSM:
        numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
        text = numbers[0] if numbers else text
    bare = text.strip().strip("$").replace(",", "").replace(" ", "").replace("'", '"').strip('"')
    try:
        return repr(float(bare))
    except ValueError:
        return bare


MAKERS: dict[str, Callable[[zipfile.ZipFile, Count], Iterator[dict[str, Any]]]] = {
    "zeroeval": zeroeval,
    "mmlupro": mmlupro,
}


def held(name: str, path: Path) -> str:
    """How a file stands to its hashes."""
    source, packed = SOURCES[name], path.read_bytes()
    if sha256(packed).hexdigest() == source.file_sha256:
        return "the same file"
    if sha256(gzip.decompress(packed)).hexdigest() == source.lines_sha256:
        return "the same lines"
    if outcomes(gzip.decompress(packed)) == source.outcomes_sha256:
        return "the same scores, tokens and answers; costs may differ in their fourth digit"
    return "ANOTHER: results differ from those that are published"


def outcomes(lines: bytes) -> str:
    """SHA-256 over `id model score input output answer` of all outcomes, in order of id and model, as JSON."""
    rows = [json.loads(line) for line in lines.splitlines()]
    cells = [
        [row["id"], model, *one[:3], one[4]]
        for row in sorted(rows, key=lambda row: row["id"])
        for model, one in sorted(row["models"].items())
    ]
    return sha256(json.dumps(cells).encode()).hexdigest()


def main() -> int:
    """Returns 0 when all files are as published, 1 when one is not, 2 when one can't be fetched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="directory to write into")
    parser.add_argument("--check", type=Path, help="directory of files to hold against their hashes")
    options = parser.parse_args()
    if (options.output is None) == (options.check is None):
        parser.error("name one of --output and --check")
    folder = (options.output or options.check) / "routing"
    told: list[str] = []
    for name, source in SOURCES.items():
        path = folder / f"{name}.jsonl.gz"
        if options.output is not None:
            try:
                lines = [json.dumps(row, ensure_ascii=False) for row in MAKERS[name](archive(source), counter())]
            except OSError as error:
                print(f"{source.repository} can't be fetched: {error}", file=sys.stderr)
                return 2
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
        told.append(held(name, path))
        print(f"{name}: {source.repository} at {source.commit}, {source.licence}: {told[-1]}")
    return 0 if all(one.startswith("the same") for one in told) else 1


if __name__ == "__main__":
    sys.exit(main())
