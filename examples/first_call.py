"""One call through the gateway, and the receipt that explains it. Needs: `make serve`, and .venv/bin/pip install openai."""

import json
from urllib.request import urlopen

from openai import OpenAI

GATEWAY = "http://127.0.0.1:8080"

client = OpenAI(base_url=f"{GATEWAY}/v1", api_key="not-needed-on-this-machine")
raw = client.chat.completions.with_raw_response.create(
    model="auto",
    messages=[{"role": "user", "content": "Hello!"}],
)
answer = raw.parse()
print(answer.choices[0].message.content)

with urlopen(f"{GATEWAY}/v1/receipts/{raw.headers['x-antiphon-receipt']}", timeout=10) as page:
    receipt = json.load(page)
usage = receipt["usage"]
print(
    f"{receipt['asked']} led to {receipt['served']}: {usage['input_tokens']} tokens in, {usage['output_tokens']} out,"
    f" ${receipt['cost_nano_usd'] / 1e9:.8f}, {receipt['duration_us'] / 1000:.0f} ms"
)
