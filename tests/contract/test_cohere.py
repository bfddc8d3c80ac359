"""The `cohere` SDK: vectors and rankings."""

from collections.abc import Iterator

import cohere
import pytest
from openai import OpenAI

from rig.config import ALICE
from rig.gateway import Gateway
from rig.sdk import client

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[cohere.ClientV2]:
    one = cohere.ClientV2(api_key=ALICE, base_url=gateway.url)
    yield one
    one._client_wrapper.httpx_client.httpx_client.close()


def test_texts_are_embedded(sdk: cohere.ClientV2) -> None:
    answer = sdk.embed(
        model="embed-v4.0",
        texts=["One", "Two"],
        input_type="search_document",
        embedding_types=["float"],
        output_dimension=256,
    )

    assert [len(vector) for vector in answer.embeddings.float_ or []] == [256, 256]
    assert answer.meta is not None


def test_openais_callers_get_the_same_vectors(sdk: cohere.ClientV2, gateway: Gateway) -> None:
    mine = sdk.embed(model="embed-v4.0", texts=["One"], input_type="search_document", embedding_types=["float"])
    with client(gateway) as other:
        theirs = OpenAI.embeddings.__get__(other).create(model="embed-v4.0", input=["One"], encoding_format="float")

    assert mine.embeddings.float_ is not None
    assert theirs.data[0].embedding == pytest.approx(mine.embeddings.float_[0])


def test_documents_are_ranked(sdk: cohere.ClientV2) -> None:
    answer = sdk.rerank(model="rerank-v4.0", query="cats", documents=["a dog", "a cat", "cats and cats"], top_n=2)

    assert len(answer.results) == 2
    assert answer.results[0].relevance_score >= answer.results[1].relevance_score


def test_errors_are_those_of_cohere(sdk: cohere.ClientV2, gateway: Gateway) -> None:
    with pytest.raises(cohere.NotFoundError):
        sdk.rerank(model="nobody", query="cats", documents=["a dog"])
    nobody = cohere.ClientV2(api_key="sk-nobody-000", base_url=gateway.url)
    with pytest.raises(cohere.UnauthorizedError):
        nobody.rerank(model="rerank-v4.0", query="cats", documents=["a dog"])
    nobody._client_wrapper.httpx_client.httpx_client.close()
