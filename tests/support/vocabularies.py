"""Real vocabularies of tiktoken, where someone has put them: nothing is downloaded."""

import os
from pathlib import Path

import pytest

WHERE = "ANTIPHON_VOCABULARIES"


def vocabularies() -> Path:
    """The folder with both files; skips the test where there is none."""
    folder = Path(os.environ.get(WHERE, "."))
    if not all((folder / f"{name}.tiktoken").is_file() for name in ("o200k_base", "cl100k_base")):
        pytest.skip(f"{WHERE} names no folder with o200k_base.tiktoken and cl100k_base.tiktoken")
    return folder
