import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.core.error import (
    UpstreamAuth,
    UpstreamBroken,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from antiphon.providers.embedders.endpoint import EndpointEmbedder
from antiphon.providers.embedders.settings import EndpointSettings

Make = Callable[..., EndpointEmbedder]


async def test_it_asks_in_batches_and_as_the_api_says(server: Any, endpoint: Make) -> None:
    vectors, _ = server
    await endpoint(key=Secret("sk-1"), headers={"X-Team": Secret("search")}).embed([f"t{at}" for at in range(7)])

    assert [asked["input"] for asked in vectors.asked] == [["t0", "t1", "t2"], ["t3", "t4", "t5"], ["t6"]]
    assert vectors.asked[0].keys() == {"model", "input", "encoding_format"}
    assert vectors.asked[0]["model"] == "text-embedding"
    first, *lines = vectors.heads[0].split("\r\n")
    assert first == "POST /v1/embeddings HTTP/1.1"
    assert {"Authorization: Bearer sk-1", "X-Team: search", "Content-Type: application/json"} <= {*lines}


async def test_a_header_of_ones_own_stands_in_the_place_of_ours(server: Any, endpoint: Make) -> None:
    await endpoint(key=Secret("sk-1"), headers={"authorization": Secret("Basic x")}).embed(["t"])
    lines = [line for line in server[0].heads[0].split("\r\n") if line.lower().startswith("authorization")]
    assert lines == ["authorization: Basic x"]


@pytest.mark.parametrize("numbers", [True, False])
async def test_numbers_and_base64_are_the_same_vector(server: Any, endpoint: Make, numbers: bool) -> None:
    server[0].numbers = numbers
    (vector,) = await endpoint().embed(["one text"])
    server[0].numbers = not numbers
    (other,) = await endpoint().embed(["one text"])
    assert list(vector) == pytest.approx(list(other), abs=1e-6)


async def test_a_vector_that_has_length_one_stays_as_it_came(server: Any, endpoint: Make) -> None:
    said = [0.6, 0.8, *[0.0] * 10]
    server[0].answer = lambda _: (200, json.dumps({"data": [{"index": 0, "embedding": said}]}).encode())
    (vector,) = await endpoint().embed(["t"])
    assert list(vector) == pytest.approx(said, abs=1e-7)


async def test_it_asks_for_fewer_dimensions_only_where_it_is_told_to(server: Any, endpoint: Make) -> None:
    embedder = endpoint(dimensions=5, shorten=True, version="2")
    (vector,) = await embedder.embed(["t"])
    assert (len(vector), server[0].asked[0]["dimensions"]) == (5, 5)
    assert embedder.name == "text-embedding@2/5"


def item(index: int = 0, embedding: Any = None) -> dict[str, Any]:
    return {"index": index, "embedding": [1.0] * 12 if embedding is None else embedding}


@pytest.mark.parametrize(
    "body",
    [
        b"no",
        b"[]",
        b"{}",
        b"\xff",
        b'{"data":[]}',
        json.dumps({"data": [item(1)]}).encode(),
        json.dumps({"data": [item(), item()]}).encode(),
        json.dumps({"data": [item(), item(1)]}).encode(),
        json.dumps({"data": [item(embedding=[1.0] * 11)]}).encode(),
        json.dumps({"data": [item(embedding=[0.0] * 12)]}).encode(),
        json.dumps({"data": [item(embedding=[1e39] * 12)]}).encode(),
        json.dumps({"data": [item(embedding=["1"] * 12)]}).encode(),
        json.dumps({"data": [item(embedding="!")]}).encode(),
        json.dumps({"data": [item(embedding="AAAA")]}).encode(),
        json.dumps({"data": [item(embedding="AADAfw" + "AADAfwAA" * 7 + "wH8=")]}).encode(),
        b'{"data":[{"index":0,"embedding":[' + b"1.0," * 200_000 + b"1.0]}]}",
    ],
)
async def test_an_answer_that_is_not_what_was_asked_for_is_malformed(server: Any, endpoint: Make, body: bytes) -> None:
    server[0].answer = lambda _: (200, body)
    with pytest.raises(UpstreamMalformed):
        await endpoint().embed(["t"])


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, UpstreamAuth), (429, UpstreamLimited), (400, UpstreamRefused), (503, UpstreamOverloaded)],
)
async def test_an_error_is_told_as_what_it_is(
    server: Any, endpoint: Make, status: int, error: type[UpstreamError]
) -> None:
    server[0].answer = lambda _: (status, b'{"error":{"message":"no"}}')
    with pytest.raises(error) as caught:
        await endpoint().embed(["t"])
    assert caught.value.upstream_status == status
    assert "text-embedding" in str(caught.value) or status == 400


async def test_one_that_does_not_answer_costs_its_deadline(server: Any, endpoint: Make, client: Client) -> None:
    server[0].answer = lambda _: None
    with pytest.raises(UpstreamTimeout):
        await endpoint(timeout_s=0.01).embed(["t"])
    assert client.open_connections == 0


async def test_one_that_dies_amid_the_answer_is_broken(server: Any, endpoint: Make) -> None:
    vectors, _ = server

    def dies(asked: Any) -> None:
        asyncio.get_running_loop().call_soon(vectors.hang_up)

    vectors.answer = dies
    with pytest.raises(UpstreamBroken):
        await endpoint().embed(["t"])


async def test_a_connection_that_went_stale_is_no_failure(server: Any, endpoint: Make, client: Client) -> None:
    embedder = endpoint()
    await embedder.embed(["t"])
    assert client.idle_connections == 1
    server[0].hang_up()
    assert len(await embedder.embed(["t"])) == 1


async def test_nobody_at_the_address_is_unreachable(client: Client) -> None:
    settings = EndpointSettings(base_url="http://127.0.0.1:9/v1", model="m", dimensions=3)
    with pytest.raises(UpstreamUnreachable):
        await EndpointEmbedder(settings, client).embed(["t"])


async def test_lengths_are_mended_for_any_scale(server: Any, endpoint: Make) -> None:
    server[0].answer = lambda _: (200, json.dumps({"data": [item(embedding=[3e-5] * 12)]}).encode())
    (vector,) = await endpoint().embed(["t"])
    assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-6)
