"""What holds for every embedder."""

import asyncio
import math
from array import array

import pytest

from antiphon.core.embedding import Embedder, Embedding
from antiphon.core.error import BadRequest, UpstreamError

TEXTS = [
    "The weather is lovely today.",
    "a",
    "It's so sunny outside!",
    "наука 🜁 and so on",
    "He drove to the stadium.\n",
]


def cosine(one: Embedding, other: Embedding) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_each_text_gets_a_vector_of_length_one(embedder: Embedder) -> None:
    vectors = await embedder.embed(TEXTS)
    assert len(vectors) == len(TEXTS)
    for vector in vectors:
        assert isinstance(vector, array)
        assert vector.typecode == "f"
        assert len(vector) == embedder.dimensions
        assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-3)


async def test_vectors_stand_in_the_order_of_their_texts(embedder: Embedder) -> None:
    vectors = await embedder.embed(TEXTS)
    back = await embedder.embed(TEXTS[::-1])
    for one, other in zip(vectors, back[::-1], strict=True):
        assert cosine(one, other) > 0.98


async def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Embedder) -> None:
    among = (await embedder.embed(TEXTS))[2]
    (alone,) = await embedder.embed([TEXTS[2]])
    assert cosine(among, alone) > 0.98
    assert max(cosine(alone, other) for other in await embedder.embed([TEXTS[0], TEXTS[1]])) < 0.98


async def test_no_texts_get_no_vectors(embedder: Embedder) -> None:
    assert await embedder.embed([]) == []


@pytest.mark.parametrize(("text", "param"), [("", "input[1]"), ("half \ud83d", "input[1]")])
async def test_what_no_embedder_takes_is_refused_with_its_place(embedder: Embedder, text: str, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await embedder.embed(["sound", text])
    assert caught.value.param == param


async def test_a_very_long_text_has_a_vector_too(embedder: Embedder) -> None:
    (vector,) = await embedder.embed(["word " * 50_000])
    assert len(vector) == embedder.dimensions


async def test_many_may_ask_at_once(embedder: Embedder) -> None:
    came = await asyncio.gather(*(embedder.embed([text]) for text in TEXTS))
    for (one,), other in zip(came, await embedder.embed(TEXTS), strict=True):
        assert cosine(one, other) > 0.98


async def test_one_who_leaves_takes_nothing_from_the_others(embedder: Embedder) -> None:
    leaves, stays = (asyncio.create_task(embedder.embed([text])) for text in TEXTS[:2])
    await asyncio.sleep(0)
    leaves.cancel()
    assert len(await stays) == 1
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_its_name_says_the_model(embedder: Embedder) -> None:
    assert "embedding" in embedder.name or "MiniLM" in embedder.name


async def test_it_takes_nothing_once_it_is_closed(embedder: Embedder) -> None:
    embedder.close()
    with pytest.raises(UpstreamError, match="closed"):
        await embedder.embed(["late"])
