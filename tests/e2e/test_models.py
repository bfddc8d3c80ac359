"""The list of models, as each SDK reads it."""

import anthropic
import pytest
from google import genai
from openai import OpenAI

from antiphon.providers.lab.run import Running
from rig.config import ALICE
from rig.dialects import MODELS, to_dialects
from rig.fixtures import Start

pytestmark = pytest.mark.processes


def test_every_sdk_reads_the_list_and_an_entry(start: Start, lab: Running) -> None:
    config = to_dialects(lab.url)
    config["models"]["claude"]["limits"] = {"context_tokens": 9000, "output_tokens": 700}
    gateway = start(config)
    openai = OpenAI(base_url=f"{gateway.url}/v1", api_key=ALICE)
    claude = anthropic.Anthropic(base_url=gateway.url, api_key=ALICE)
    gemini = genai.Client(api_key=ALICE, http_options={"base_url": gateway.url})

    with openai, claude:
        assert {model.id for model in openai.models.list()} == set(MODELS)
        assert {model.id for model in claude.models.list()} == set(MODELS)
        assert {model.name for model in gemini.models.list()} == {f"models/{name}" for name in MODELS}
        assert openai.models.retrieve("claude").id == "claude"
        assert claude.models.retrieve("claude").max_tokens == 700
        assert gemini.models.get(model="claude").input_token_limit == 9000
    gemini.close()
