"""Requests as coding agents send them, written from their public documentation and source.

Claude Code: docs.claude.com/en/docs/claude-code/llm-gateway, and the request that `anthropic` 2.14.0 has types for.
Codex: github.com/openai/codex, codex-rs/core/src/client_common.rs and tools/spec.rs (Apache-2.0). Read 2026-11.
"""

import json
from typing import Any

from suite.words import schema

Json = dict[str, Any]
MARK = {"type": "ephemeral"}
CLAUDE_HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
    "x-app": "cli",
}
CLAUDE_TOOLS = ("Bash", "Edit", "Glob", "Grep", "Read", "Task", "TodoWrite", "WebFetch", "Write")


def claude_code(model: str, messages: list[Json], *, stream: bool = True) -> Json:
    """A turn of Claude Code: marked system blocks, many tools, adaptive thinking, and who asks as JSON in a text."""
    tools = [
        {
            "name": name,
            "description": f"The tool {name}. " + "It does a lot. " * 40,
            "input_schema": schema("command", "description"),
        }
        for name in CLAUDE_TOOLS
    ]
    who = {"device_id": "d" * 64, "account_uuid": "", "session_id": "00000000-0000-4000-8000-000000000000"}
    return {
        "model": model,
        "max_tokens": 32_000,
        "stream": stream,
        "system": [
            {
                "type": "text",
                "text": "You are Claude Code, Anthropic's official CLI for Claude.",
                "cache_control": MARK,
            },
            {"type": "text", "text": "Follow these rules. " * 200, "cache_control": MARK},
        ],
        "messages": [*messages[:-1], _marked(messages[-1])],
        "tools": [*tools[:-1], {**tools[-1], "cache_control": MARK}],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"},
        "metadata": {"user_id": json.dumps(who)},
    }


def _marked(message: Json) -> Json:
    *before, last = message["content"]
    return {**message, "content": [*before, {**last, "cache_control": MARK}]}


def claude_says(*blocks: Json | str) -> Json:
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    return {"role": "user", "content": content}


CODEX_HEADERS = {
    "user-agent": "codex_cli_rs/0.60.0 (Linux; x86_64)",
    "originator": "codex_cli_rs",
    "session_id": "00000000-0000-4000-8000-000000000001",
    "accept": "text/event-stream",
}


def codex(model: str, items: list[Json]) -> Json:
    """A turn of Codex: nothing is stored, thoughts come back encrypted, and patches are free text or a function."""
    shell = {
        "type": "object",
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "workdir": {"type": "string"},
            "timeout_ms": {"type": "number"},
        },
        "required": ["command"],
        "additionalProperties": False,
    }
    return {
        "model": model,
        "instructions": "You are Codex, based on GPT-5, running as a coding agent. " + "Obey the rules. " * 100,
        "input": items,
        "tools": [
            {
                "type": "function",
                "name": "shell",
                "description": "Runs a command",
                "strict": False,
                "parameters": shell,
            },
            {
                "type": "function",
                "name": "update_plan",
                "description": "Plans",
                "strict": False,
                "parameters": schema("explanation"),
            },
            {
                "type": "function",
                "name": "apply_patch",
                "description": "Patches",
                "strict": False,
                "parameters": schema("input"),
            },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "00000000-0000-4000-8000-000000000001",
        "text": {"verbosity": "medium"},
    }


def codex_says(text: str) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
