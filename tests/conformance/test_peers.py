"""What other gateways carry is not lost in this one.

The list says of each cell which gateway carries it, and where its source shows that. It was gathered by reading.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from matrix.table import cells

CELLS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "peers.json").read_text())["cells"]


def named(cell: dict[str, Any]) -> str:
    return f"{cell['peer']}-{cell['client']}-{cell['upstream']}-{cell['features'][0]}"


@pytest.mark.parametrize("cell", CELLS, ids=named)
def test_none_of_it_is_lost(cell: dict[str, Any]) -> None:
    assert cell["version"]
    assert cell["source"]
    found = {
        (place.feature, place.stream): verdict
        for place, verdict in cells().items()
        if (place.client, place.upstream) == (cell["client"], cell["upstream"])
    }
    known = {feature for feature, _ in found}

    assert set(cell["features"]) <= known
    lost = [place for place, verdict in found.items() if place[0] in cell["features"] and verdict.word == "lost"]
    assert lost == []
