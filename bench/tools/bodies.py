"""Write the request bodies and the header file that the load tool sends.

Usage: python bodies.py DIRECTORY [--model NAME] [--header LINE]...

The text is the same in every run. Each body holds `nonce-000000000`, which the load tool counts up.
`BURST` and `SLOW` in a prompt tell the mock upstream how to pace its stream.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

KEY_HEADER = "Authorization: Bearer sk-bench-7d1f0c52a9e64b38"
NONCE = "nonce-000000000"
TEXT = (
    "the gateway checks every request against its budget and routes it to a deployment that is "
    "healthy and cheap enough while it keeps a record of tokens cost latency and errors for later "
    "review"
)
BLOCK_BYTES = 32_768


def prompt(size_bytes: int, marker: str = "") -> str:
    """Text of `size_bytes` ASCII characters, nonce included (the marker comes on top)."""
    chance = random.Random(7)
    words = TEXT.split()
    block: list[str] = []
    length = 0
    while length < min(size_bytes, BLOCK_BYTES):
        block.append(chance.choice(words))
        length += len(block[-1]) + 1
    text = " ".join(block) + " "
    text *= size_bytes // len(text) + 1
    lead = f"{marker} {NONCE} " if marker else f"{NONCE} "
    return lead + text[: size_bytes - len(NONCE) - 1]


def chat(model: str, content: str, *, stream: bool = False) -> str:
    """A chat completion request as JSON."""
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": content},
        ],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body)


def bodies(model: str) -> dict[str, str]:
    """All bodies by file name."""
    return {
        "chat-1k.json": chat(model, prompt(1024)),
        "chat-1k-tls.json": chat(f"{model}-tls", prompt(1024)),
        "chat-32k.json": chat(model, prompt(32_768)),
        "chat-20m.json": chat(model, prompt(20 * 1024 * 1024)),
        "stream-1k.json": chat(model, prompt(1024), stream=True),
        "stream-1k-burst.json": chat(model, prompt(1024, "BURST"), stream=True),
        "stream-1k-slow.json": chat(model, prompt(1024, "SLOW"), stream=True),
    }


def main() -> None:
    """Write every file into the directory given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--model", default="gpt-4o-mini")
    parser.add_argument("--header", action="append", default=[], help="a further request header")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    for name, text in bodies(options.model).items():
        (options.directory / name).write_text(text)
    headers = "".join(f"{line}\r\n" for line in [KEY_HEADER, *options.header])
    (options.directory / "headers.txt").write_bytes(headers.encode())


if __name__ == "__main__":
    main()
