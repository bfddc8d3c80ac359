"""Inputs to begin with: the bytes and objects that the tests of `wire` hold, and what a lab answers."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
TESTS, SOURCE = ROOT / "tests" / "wire", ROOT / "src" / "antiphon" / "wire"
FILES = {
    "sse": ["test_sse.py", "openai_chat/test_relay.py", "anthropic_messages/test_streams.py"],
    "frames": ["test_eventstream.py"],
    "json": ["test_json.py", "test_scan.py"],
    "scan": ["test_json.py", "test_scan.py"],
    "multipart": ["test_multipart.py"],
    "yaml": [],
    "headers": ["test_trace.py"],
    "expressions": [],
}
MOST_BYTES = 6_000
FORM = (
    b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\nRIFF\r\n'
    b'--x\r\ncontent-disposition: form-data; name="stream"\r\n\r\ntrue\r\n--x--\r\n'
)


_TOKENS = b'"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}'
ANSWERS = {
    "answer_bedrock_converse": b'{"output":{"message":{"role":"assistant","content":[{"text":"Hi"},{"toolUse":{"toolUseId":"t1",'
    b'"name":"f","input":{"a":1}}},{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"citationsContent":'
    b'{"content":[{"text":"so"}],"citations":[{"title":"a","location":{"web":{"url":"https://example.com"}}}]}}]}},'
    b'"stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7,"cacheReadInputTokens":1,'
    b'"cacheWriteInputTokens":1,"cacheDetails":[{"ttl":"1h","inputTokens":1}]},"metrics":{"latencyMs":5}}',
    "answer_openai_completions": b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"Hi",'
    b'"index":0,"logprobs":{"tokens":["Hi"],"token_logprobs":[-0.5],"top_logprobs":[{"Hi":-0.5}],"text_offset":[0]},'
    b'"finish_reason":"stop"}],' + _TOKENS + b"}",
    "answer_openai_moderations": b'{"id":"m-1","model":"m","results":[{"flagged":false,"categories":{"a":false},'
    b'"category_scores":{"a":0.1}}]}',
    "answer_openai_images": b'{"created":1,"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":1,"output_tokens":2,'
    b'"total_tokens":3,"input_tokens_details":{"text_tokens":1,"image_tokens":0}}}',
    "answer_cohere_rerank": b'{"id":"r","results":[{"index":0,"relevance_score":0.5,"document":{"text":"a"}}],'
    b'"meta":{"billed_units":{"search_units":1}},"usage":{"total_tokens":3}}',
    "answer_openai_transcription": b'{"text":"hi","duration":1.5,"usage":{"type":"tokens","input_tokens":3,"output_tokens":1,'
    b'"total_tokens":4,"input_token_details":{"audio_tokens":3,"text_tokens":0}}}',
}
"""Whole answers as they come, of dialects whose tests make theirs piece by piece."""


def of(target: str) -> list[bytes]:
    """What a target begins with, without repetition."""
    kind, _, dialect = target.partition("_")
    found = list(_extra(target))
    if dialect:
        dialect = "anthropic_messages" if dialect == "invoked" else dialect
        files = sorted((TESTS / dialect).glob("*.py")) or [
            TESTS / name
            for name in ("test_passed_operations.py", "test_embeddings.py", "test_completions.py", "test_same.py")
        ]
    else:
        files = [TESTS / name for name in FILES[target]]
    for file in files:
        found.extend(_literals(file, stream=kind in ("stream", "sse")))
    return [one for one in dict.fromkeys(found) if 0 < len(one) <= MOST_BYTES]


def words(target: str) -> list[str]:
    """Texts that the reader of a dialect knows: names of fields and their values."""
    dialect = target.partition("_")[2] or "openai_chat"
    dialect = "anthropic_messages" if dialect == "invoked" else dialect
    files = [*sorted((SOURCE / dialect).glob("*.py")), SOURCE / "json_head.py", SOURCE / "vectors.py"]
    found = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    fields = {
        node.target.id
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return sorted(word for word in found | fields if 0 < len(word) <= 40 and " " not in word)


def _extra(target: str) -> Iterator[bytes]:
    if target == "yaml":
        for file in sorted((ROOT / "examples").glob("*.yaml")):
            yield file.read_bytes()[:2_000]
        yield b"a: &x [1, 2.5, null, ~, true, 0x1f, .inf]\nb: *x\nc: |\n  text\n? d\n: !!str 1\n---\n"
    elif target == "multipart":
        yield b"multipart/form-data; boundary=x\n" + FORM
        yield b'multipart/form-data; boundary="x"\n' + FORM.replace(b'filename="a.wav"', b"filename*=utf-8''a%20b")
    elif target in ("ask_openai_transcription", "ask_openai_images"):
        yield FORM
    elif target in ANSWERS:
        yield ANSWERS[target]
    elif target == "headers":
        yield b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\nvendor=1,other=2"
        yield b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more\n"
        yield b"openai_chat:c2lnbmF0dXJl"
    elif target == "expressions":
        tables = ast.parse((ROOT / "tests" / "expr" / "test_conformance.py").read_text("utf-8"))
        for node in ast.walk(tables):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value.encode()
        yield b"a > 1 && (s in ['math'] || !b) && a.b < 0.5 ? has(t) : l.exists(x, x.matches('^b+$'))"
    elif target == "frames":
        yield b'event|{"a":1}'


def _literals(file: Path, *, stream: bool) -> Iterator[bytes]:
    """Bytes, and objects as JSON, alone or as the only event of a stream."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            yield node.value
            continue
        if not isinstance(node, ast.Dict | ast.Call):
            continue
        value = _value(node)
        if value is None:
            continue
        said = json.dumps(value).encode()
        yield _event(value, said) if stream else said


def _event(value: dict[str, Any], said: bytes) -> bytes:
    name = value.get("type") if isinstance(value.get("type"), str) else next(iter(value), "message")
    return b"event: %b\ndata: %b\n\n" % (str(name).encode(), said)


def _value(node: ast.Dict | ast.Call) -> dict[str, Any] | None:
    """An object that stands in a test; of a call the named arguments, with a model and a message."""
    try:
        if isinstance(node, ast.Dict):
            value = ast.literal_eval(node)
        else:
            value = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg}
            value = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **value} if value else None
        json.dumps(value)
    except (ValueError, TypeError):
        return None
    return value if isinstance(value, dict) and all(isinstance(name, str) for name in value) else None
