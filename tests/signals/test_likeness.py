"""How like an operator's examples a request is."""

from array import array
from math import sqrt

import pytest
from asking import extractor, facts_of

from antiphon.signals.extractor import NOTHING, Extractor, Outside

EXAMPLES = {
    "refunds": {"texts": ["money back", "refund me"]},
    "greetings": {"texts": ["hello"], "embedder": "other"},
}


def vector(*numbers: float) -> "array[float]":
    length = sqrt(sum(number * number for number in numbers))
    return array("f", [number / length for number in numbers])


@pytest.fixture
def made() -> Extractor:
    return extractor(examples=EXAMPLES, embedder="local")


def test_each_embedder_is_given_its_own_texts(made: Extractor) -> None:
    assert made.likeness.texts("local") == ("money back", "refund me")
    assert made.likeness.texts("other") == ("hello",)
    assert made.needs("like.refunds") == {Outside("vector", "local")}
    assert made.needs("like.greetings") == {Outside("vector", "other")}


def test_the_nearest_example_tells(made: Extractor) -> None:
    made.likeness.learn("local", [vector(1, 0), vector(1, 1)])
    facts = facts_of("I want my money", extractor=made)
    facts.vectors["local"] = vector(0, 1)
    assert facts.value("like.refunds") == pytest.approx(1 / sqrt(2), abs=1e-6)


def test_without_vectors_it_is_unknown_and_says_whose_are_missing(made: Extractor) -> None:
    assert facts_of("hi", extractor=made).fact("like.refunds").why == "local gave no vector of the examples"
    made.likeness.learn("local", [vector(1, 0), vector(1, 1)])
    assert facts_of("hi", extractor=made).fact("like.refunds").why == "local gave no vector of the request"


def test_without_an_embedder_it_is_unknown() -> None:
    made = extractor(examples={"refunds": {"texts": ["money back"]}})
    assert made.needs("like.refunds") is NOTHING
    assert facts_of("hi", extractor=made).fact("like.refunds").why == "no embedder is configured for it"


def test_vectors_of_other_examples_are_refused(made: Extractor) -> None:
    with pytest.raises(ValueError, match="1 vectors of 2 examples"):
        made.likeness.learn("local", [vector(1, 0)])


def test_what_is_embedded_is_what_the_user_said(made: Extractor) -> None:
    assert made.to_embed(facts_of("  hi  ", extractor=made)) == "hi"
    assert made.to_embed(facts_of({"model": "auto", "prompt": "x"}, "openai_images", extractor=made)) == ""
