import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antiphon.core.embedding import Embedding
from antiphon.core.error import ConfigError, OverLimit, UpstreamError, UpstreamTimeout
from antiphon.providers.embedders.local import LocalEmbedder
from antiphon.providers.embedders.make import main
from antiphon.providers.embedders.model import CARD, Card, card
from antiphon.providers.embedders.settings import LocalSettings

Make = Callable[..., LocalEmbedder]


def cosine(one: Embedding, other: Embedding) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_its_vectors_stay_what_they_were(local: Make) -> None:
    """For the sentences of the model card. As the graph gave them when the next test first held."""
    one, other = await local().embed(["This is an example sentence", "Each sentence is converted"])
    assert list(one[:5]) == pytest.approx([0.067657, 0.063496, 0.048713, 0.079305, 0.037448], abs=2e-6)
    assert list(other[:4]) == pytest.approx([0.086439, 0.102763, 0.005395, 0.002044], abs=2e-6)


async def test_likeness_is_what_the_library_shows_for_it(local: Make) -> None:
    """Source: sbert.net/docs/quickstart.html, similarity of three sentences by all-MiniLM-L6-v2."""
    vectors = await local().embed(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    )
    pairs = [cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2]), cosine(vectors[1], vectors[2])]
    assert pairs == pytest.approx([0.6660, 0.1046, 0.1411], abs=1e-4)


async def test_int8_is_near_fp32(local: Make) -> None:
    texts = ["This is an example sentence", "Return the invoice of March, please.", "def f(x): return x + 1"]
    whole, small = await local().embed(texts), await local(precision="int8").embed(texts)
    assert min(cosine(one, other) for one, other in zip(whole, small, strict=True)) > 0.97
    assert local().name != local(precision="int8").name


async def test_what_stands_behind_the_last_token_that_it_takes_changes_nothing(local: Make) -> None:
    start = "word " * 254
    one, same, other = await local().embed([start + "blue " * 30, start + "green", "blue " + start])
    assert cosine(one, same) == pytest.approx(1.0, abs=1e-5)
    assert cosine(one, other) < 0.9999


async def test_more_batches_than_may_wait_are_refused(local: Make) -> None:
    embedder = local(batch=1, queue=2)
    asking = [asyncio.create_task(embedder.embed([f"text {at}"])) for at in range(5)]
    came = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(one, OverLimit) for one in came] == [False, False, True, True, True]
    assert len(await embedder.embed(["later"])) == 1


async def test_many_batches_of_one_caller_take_one_place(local: Make) -> None:
    assert len(await local(batch=1, queue=1).embed([f"text {at}" for at in range(6)])) == 6


async def test_a_batch_that_takes_too_long_is_given_up(local: Make) -> None:
    embedder = local(timeout_s=1e-6)
    with pytest.raises(UpstreamTimeout):
        await embedder.embed(["slow"])
    embedder.close()
    assert embedder._thread is not None
    embedder._thread.join(30)
    await asyncio.sleep(0)
    assert embedder._waiting == 0, "its place is free again"


async def test_a_model_that_is_broken_is_an_error_and_not_a_hang(minilm: Path, tmp_path: Path) -> None:
    (tmp_path / CARD).write_bytes((minilm / CARD).read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((minilm / "tokenizer.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    embedder = LocalEmbedder(LocalSettings(dir=str(tmp_path)), "embedder.local")
    with pytest.raises(UpstreamError, match="failed"):
        await embedder.embed(["t"])
    embedder.close()


def test_a_folder_that_holds_no_model_is_a_mistake_with_its_remedy(tmp_path: Path) -> None:
    settings = LocalSettings(dir=str(tmp_path))
    with pytest.raises(ConfigError, match=r"embedder.local.dir: .*embedders.make"):
        card(settings, "embedder.local")

    said = Card(name="m", version="1", dimensions=3, most_tokens=8, files={"int8": "small.onnx"})
    (tmp_path / CARD).write_bytes(msgspec.json.encode(said))
    with pytest.raises(ConfigError, match="has no fp32, only int8"):
        card(settings, "embedder.local")
    with pytest.raises(ConfigError, match=r"small\.onnx is not there"):
        card(LocalSettings(dir=str(tmp_path), precision="int8"), "embedder.local")


def test_the_command_says_what_it_lacks(tmp_path: Path, capsys: Any) -> None:
    assert main([str(tmp_path / "out"), "--from", str(tmp_path)]) == 1
    assert capsys.readouterr().err.strip()
    assert not (tmp_path / "out" / CARD).exists()
