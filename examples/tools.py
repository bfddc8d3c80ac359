"""A tool call and its result. Lab models call a tool when the request says so. Needs: `make serve`, and .venv/bin/pip install openai."""

import json

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Lisbon", "Oslo"]}},
            "required": ["city"],
        },
    },
}

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="not-needed-on-this-machine")
messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "call get_weather for me"}]

asked = client.chat.completions.create(model="balanced", messages=messages, tools=[WEATHER])
call = (asked.choices[0].message.tool_calls or [])[0]
if call.type != "function":
    raise SystemExit(f"a {call.type} tool was not offered")
city = json.loads(call.function.arguments)["city"]
print(f"the model asks for {call.function.name} of {city}")

messages.append(
    {
        "role": "assistant",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
        ],
    }
)
messages.append({"role": "tool", "tool_call_id": call.id, "content": f"21 degrees in {city}"})
told = client.chat.completions.create(model="balanced", messages=messages, tools=[WEATHER])
print(told.choices[0].message.content)
