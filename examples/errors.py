"""Errors as a program meets them: a code to act on, and the receipt. Needs: `make serve`, and .venv/bin/pip install openai."""

from openai import APIStatusError, OpenAI

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="not-needed-on-this-machine", max_retries=0)


def ask(model: str) -> None:
    """Ask, and tell what came of it."""
    try:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello!"}])
    except APIStatusError as error:
        receipt = error.response.headers["x-antiphon-receipt"]
        print(f"{model}: HTTP {error.status_code}, {error.code}: {error.message}\n  receipt {receipt}")
    else:
        print(f"{model}: answered")


ask("fast")
ask("no-such-model")
