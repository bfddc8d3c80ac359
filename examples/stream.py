"""A streamed answer, as its pieces come, with its usage at the end. Needs: `make serve`, and .venv/bin/pip install openai."""

import asyncio

from openai import AsyncOpenAI


async def main() -> None:
    """Print the pieces."""
    async with AsyncOpenAI(base_url="http://127.0.0.1:8080/v1", api_key="not-needed-on-this-machine") as client:
        stream = await client.chat.completions.create(
            model="fast",
            messages=[{"role": "user", "content": "Tell me about gardens."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for event in stream:
            for choice in event.choices:
                print(choice.delta.content or "", end="", flush=True)
            if event.usage is not None:
                print(f"\n{event.usage.prompt_tokens} tokens in, {event.usage.completion_tokens} out")


asyncio.run(main())
