"""What translating costs: CPU of a request and of a stream's event, between every two dialects.

python bench/translate.py
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from antiphon.core.body import Body
from antiphon.core.request import Request
from antiphon.wire.codec import AnyCodec, AnyUpstream, Asked, Terms
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.losses import Losses
from antiphon.wire.passage import Passage, meaning
from lib.machine import machine, versions

METHOD = (
    "In one process, hot, garbage collection as in a worker: the median of {rounds} rounds of the process's CPU time over "
    "{calls} calls. A request: the caller's bytes are read whole, put into canonical form and written as the upstream's "
    "bytes, losses told. An event: the bytes of one text delta in, the caller's bytes out."
)
REQUEST_US, EVENT_US = 60.0, 6.0
"""Targets, OpenAI Chat to Anthropic."""
TEXT = "The quick brown fox jumps over the lazy dog. " * 18
MODEL = "some-model"
USER = {"role": "user", "content": TEXT}
REQUESTS = {
    "openai_chat": {
        "model": "m",
        "messages": [{"role": "system", "content": "You are helpful."}, USER],
        "temperature": 0.7,
        "max_tokens": 300,
    },
    "openai_responses": {"model": "m", "instructions": "You are helpful.", "input": [USER], "temperature": 0.7},
    "anthropic_messages": {"model": "m", "system": "You are helpful.", "messages": [USER], "max_tokens": 300},
    "gemini": {
        "systemInstruction": {"parts": [{"text": "You are helpful."}]},
        "contents": [{"role": "user", "parts": [{"text": TEXT}]}],
        "generationConfig": {"temperature": 0.7, "maxOutputTokens": 300},
    },
}
STREAMS = {
    "openai_chat": (
        [
            (
                'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"g","choices":[{"index":0,"delta":'
                '{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
            )
        ],
        (
            'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"g","choices":[{"index":0,"delta":'
            '{"content":"Hello there"},"finish_reason":null}]}\n\n'
        ),
    ),
    "openai_responses": (
        [
            (
                'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1",'
                '"object":"response","created_at":1,"status":"in_progress","model":"g","output":[]}}\n\n'
            ),
            (
                'event: response.output_item.added\ndata: {"type":"response.output_item.added","sequence_number":1,'
                '"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}'
                "\n\n"
            ),
        ],
        (
            'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":4,"item_id":'
            '"msg_1","output_index":0,"content_index":0,"delta":"Hello there","logprobs":[]}\n\n'
        ),
    ),
    "anthropic_messages": (
        [
            (
                'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":'
                '"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,'
                '"output_tokens":1}}}\n\n'
            ),
            (
                'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
                '"text":""}}\n\n'
            ),
        ],
        (
            'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":'
            '"Hello there"}}\n\n'
        ),
    ),
    "gemini": (
        [],
        (
            'data: {"candidates":[{"content":{"parts":[{"text":"Hello there"}],"role":"model"},"index":0}],"usageMetadata":'
            '{"promptTokenCount":10,"totalTokenCount":12,"candidatesTokenCount":2},"modelVersion":"g","responseId":"r"}\n\n'
        ),
    ),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args(arguments)


def cost_us(work: Callable[[], object], rounds: int, calls: int) -> float:
    """CPU of one call, in microseconds."""
    for _ in range(calls // 10):
        work()
    found: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(calls):
            work()
        found.append((time.process_time() - begun) / calls * 1e6)
    return median(found)


def request_work(own: AnyCodec, upstream: AnyUpstream) -> Callable[[], object]:
    """Puts a caller's bytes into an upstream's words, from the start each time."""
    text = json.dumps(REQUESTS[own.name]).encode()
    head, spots = own.read(Body((text,)), Asked(endpoint="/", model="m"))
    terms = Terms(model=MODEL, output_tokens=4096)

    def work() -> object:
        request = Request(head=head, body=Body((text,)), spots=spots, digest="")
        losses = Losses()
        return upstream.encode(meaning(request, own), terms, losses), losses.told()

    return work


def event_work(own: AnyCodec, upstream: AnyUpstream) -> Callable[[], object]:
    """Passes one text delta on, amid a stream."""
    text = json.dumps({**REQUESTS[own.name], **({"stream": True} if own.name != "gemini" else {})}).encode()
    head, _ = own.read(Body((text,)), Asked(endpoint="/", model="m", stream=True))
    relay = Passage(own, None if own.name == upstream.name else upstream, MODEL).relay(head, 1, hides_usage=False)
    lead, delta = STREAMS[upstream.name]
    for event in (*lead, delta, delta):
        relay.feed(event.encode())
    usual = delta.encode()
    return lambda: relay.feed(usual)


def table(title: str, rows: dict[str, dict[str, float]]) -> list[str]:
    """Callers down, upstreams across."""
    across = list(next(iter(rows.values())))
    lines = [f"## {title}", "", f"| caller | {' | '.join(across)} |", "| --- |" + " --- |" * len(across)]
    lines += [f"| {own} | {' | '.join(f'{value:.1f}' for value in found.values())} |" for own, found in rows.items()]
    return [*lines, ""]


def main() -> int:
    """Measure, print and keep."""
    options = parse()
    gc.freeze()

    def all_of(
        works: Callable[[AnyCodec, AnyUpstream], Callable[[], object]], callers: list[str], upstreams: list[str]
    ) -> dict[str, dict[str, float]]:
        return {
            own: {
                other: cost_us(works(CODECS[own], UPSTREAMS[other]), options.rounds, options.calls)
                for other in upstreams
            }
            for own in callers
        }

    callers = list(REQUESTS)
    requests = all_of(request_work, callers, [*callers, "bedrock_converse", "cohere_chat"])
    events = all_of(event_work, callers, list(STREAMS))
    asked, told = requests["openai_chat"]["anthropic_messages"], events["openai_chat"]["anthropic_messages"]
    passed = asked <= REQUEST_US and told <= EVENT_US
    day = datetime.now(UTC).date().isoformat()
    said = {
        "date": day,
        "command": "python bench/translate.py",
        "machine": machine(),
        "versions": versions(),
        "method": METHOD.format(rounds=options.rounds, calls=options.calls),
        "request_us": requests,
        "event_us": events,
    }
    lines = [
        f"# Translation, {day}",
        "",
        f"Command: `python bench/translate.py`. {said['method']} Versions: "
        + ", ".join(f"{name} {value}" for name, value in versions().items())
        + f". Machine: {machine()['cpu']}, {machine()['cores']} cores.",
        "",
        (
            f"Targets, an OpenAI Chat caller with an Anthropic upstream: a request {asked:.1f} of at most {REQUEST_US:g} µs, an "
            f"event {told:.1f} of at most {EVENT_US:g} µs: **{'met' if passed else 'missed'}**. A caller's own dialect stands "
            "for comparison: requests go through the canonical form here, which the gateway does only between dialects; "
            "events pass byte for byte, as in the gateway."
        ),
        "",
        *table("A request of 1 KB, µs of CPU", requests),
        *table("An event, µs of CPU", events),
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{day}-translate.md").write_text("\n".join(lines))
    (options.output / f"{day}-translate.json").write_text(json.dumps(said, indent=1) + "\n")
    print("\n".join(lines))
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
