"""An answer in the form of a JSON Schema. Needs: `make serve`, and .venv/bin/pip install openai."""

from openai import OpenAI
from pydantic import BaseModel


class Ticket(BaseModel):
    """What is wanted of a customer's message."""

    title: str
    urgent: bool
    tags: list[str]


client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="not-needed-on-this-machine")
answer = client.chat.completions.parse(
    model="premium",
    messages=[{"role": "user", "content": "The shop is down since this morning!"}],
    response_format=Ticket,
)
print(answer.choices[0].message.parsed)
