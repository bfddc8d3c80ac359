"""Every cell of the matrix, in the order of the page."""

from collections.abc import Iterator
from functools import cache

from msgspec import Struct

from antiphon.core.request import Dialect
from matrix.feature import CLIENTS, EMBEDDINGS, UPSTREAMS, Feature
from matrix.rows import answers, around, embeddings, errors, forms, media, plain, thinking, tools
from matrix.verdict import Cell, judge

CHAT_ROWS: tuple[Feature, ...] = (
    *plain.ROWS,
    *tools.ROWS,
    *forms.ROWS,
    *media.ROWS,
    *thinking.ROWS,
    *around.ROWS,
    *answers.ROWS,
    *errors.ROWS,
)


class Place(Struct, frozen=True):
    """Where a cell stands."""

    client: Dialect
    upstream: Dialect
    group: str
    feature: str
    stream: bool


def _sheets() -> Iterator[tuple[Feature, Dialect, Dialect, tuple[bool, ...]]]:
    for client in CLIENTS:
        for feature in CHAT_ROWS:
            for upstream in UPSTREAMS:
                yield feature, client, upstream, (False, True)
    for client in EMBEDDINGS:
        for feature in embeddings.ROWS:
            for upstream in EMBEDDINGS:
                yield feature, client, upstream, (False,)


@cache
def cells() -> dict[Place, Cell]:
    """All of them. It takes some seconds, once."""
    return {
        Place(client, upstream, feature.group, feature.name, stream): judge(feature, client, upstream, stream=stream)
        for feature, client, upstream, streams in _sheets()
        for stream in streams
    }
