"""What a call used is known even where its answer can't be told."""

import json

import pytest

from antiphon.core.error import UpstreamMalformed
from antiphon.core.request import Head
from antiphon.core.usage import Usage
from antiphon.wire.codecs import CODECS
from antiphon.wire.passage import Passage

BROKEN = json.dumps(
    {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": "not base64"}],
        "usage": {"prompt_tokens": 500, "total_tokens": 500},
    }
).encode()
HEAD = Head(dialect="gemini_embeddings", endpoint="/v1beta/models/{model}:embedContent", model="m")


@pytest.mark.parametrize("long", [False, True])
def test_the_usage_of_an_answer_that_can_not_be_written_is_kept(long: bool) -> None:
    passage = Passage(CODECS["gemini_embeddings"], CODECS["openai_embeddings"], "m")

    with pytest.raises(UpstreamMalformed) as caught:
        _ = list(passage.whole_long(BROKEN, HEAD, 1)) if long else passage.whole(BROKEN, HEAD, 1)

    assert caught.value.used == Usage(input_tokens=500)
