import json
from typing import Any

import pytest
from bodies import request

from antiphon.wire.same import deterministic

NAMES = ("temperature", "seed", "top_p")


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, False),
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": 0.1}, False),
        ({"temperature": None}, False),
        ({"top_p": 0}, True),
        ({"top_p": 1}, False),
        ({"seed": 0}, True),
        ({"seed": 7, "temperature": 1}, True),
        ({"seed": None}, False),
        ({"seed": "7"}, False),
        ({"metadata": {"temperature": 0, "seed": 7}}, False),
    ],
)
def test_what_leaves_nothing_to_chance_is_told(fields: dict[str, Any], same: bool, long: bool) -> None:
    asked = request(json.dumps({"model": "m", **fields, "messages": []}).encode(), long=long)

    assert deterministic(asked, NAMES) is same


def test_a_field_in_another_spelling_counts_too() -> None:
    assert deterministic(request(rb'{"model":"m","se\u0065d":1,"messages":[]}'), NAMES)


def test_a_dialect_whose_chance_stands_deeper_leaves_it_open() -> None:
    assert not deterministic(request(b'{"model":"m","temperature":0,"messages":[]}'), ())
