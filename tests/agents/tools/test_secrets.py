"""Secrets of tools: what stands for one, and what only reads so."""

import pytest

from antiphon.agents.tools.secrets import revealed
from antiphon.core.error import BadRequest

KNOWN = {"env:TOKEN": "t0ken", "file:key.txt": "k3y"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Bearer ${env:TOKEN}", "Bearer t0ken"),
        ("${file:key.txt}/${env:TOKEN}", "k3y/t0ken"),
        ("$${env:TOKEN}", "${env:TOKEN}"),
        ("$$${env:TOKEN}", "$${env:TOKEN}"),
        ("plain $5", "plain $5"),
    ],
)
def test_a_secret_is_put_in_and_an_escaped_place_is_left_as_it_reads(text: str, said: str) -> None:
    assert revealed(text, KNOWN.get) == said


def test_a_secret_that_is_not_there_is_named() -> None:
    with pytest.raises(BadRequest, match="env:OTHER"):
        revealed("${env:OTHER}", KNOWN.get)
