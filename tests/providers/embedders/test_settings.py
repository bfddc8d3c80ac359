from typing import Any

import msgspec
import pytest

from antiphon.providers.embedders.settings import EmbedderSettings

SERVER = {"base_url": "https://up.example/v1", "model": "m", "dimensions": 3}


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, [""]),
        ({"endpoint": SERVER, "local": {"dir": "d"}}, [""]),
        ({"endpoint": SERVER}, []),
        ({"local": {"dir": "d"}}, []),
        ({"endpoint": {**SERVER, "base_url": "https://me:secret@up.example/v1"}}, ["endpoint.base_url"]),
        ({"endpoint": {**SERVER, "base_url": "https://up.example/v1/@me"}}, []),
    ],
)
def test_mistakes_are_told_with_their_place(said: Any, wrong: list[str]) -> None:
    assert [path for path, _, _ in msgspec.convert(said, EmbedderSettings).check()] == wrong
