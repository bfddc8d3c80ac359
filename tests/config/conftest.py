from collections.abc import Callable
from pathlib import Path

import pytest

from antiphon.config.load import Loaded, load_text
from antiphon.core.error import ConfigError, Problem

Mistakes = Callable[..., list[Problem]]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory that the paths of test configurations start from."""
    return tmp_path_factory.mktemp("config")


@pytest.fixture(scope="session")
def loaded(base: Path) -> Callable[..., Loaded]:
    """Load a text that must hold."""

    def load(text: str, environ: dict[str, str] | None = None, at: Path = base) -> Loaded:
        return load_text(text, "antiphon.yaml", at, environ or {})

    return load


@pytest.fixture(scope="session")
def mistakes(base: Path) -> Mistakes:
    """Load a text that must not hold, and return what is wrong with it."""

    def load(text: str, environ: dict[str, str] | None = None, at: Path = base) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, "antiphon.yaml", at, environ or {})
        assert caught.value.problems
        return caught.value.problems

    return load
