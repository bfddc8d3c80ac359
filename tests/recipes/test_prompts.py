"""A prompt that is changed is another version: the receipts of before were made with another one."""

from hashlib import sha256
from types import ModuleType

import pytest

from antiphon.recipes import prompts_map_reduce, prompts_rounds, prompts_verdict, prompts_workflow

DIGESTS = {
    "map-reduce-1": "ba5988506a2f",
    "rounds-1": "4237c56698fb",
    "verdict-1": "ffd0f498789b",
    "workflow-1": "2f4cd859b48a",
}


@pytest.mark.parametrize(
    "module",
    [prompts_map_reduce, prompts_rounds, prompts_verdict, prompts_workflow],
    ids=lambda module: module.__name__.rpartition(".")[2],
)
def test_a_change_of_a_text_is_another_version(module: ModuleType) -> None:
    texts = {name: text for name, text in vars(module).items() if name.isupper() and name != "VERSION"}
    digest = sha256(repr(sorted(texts.items())).encode()).hexdigest()[:12]

    assert DIGESTS[module.VERSION] == digest, f"raise VERSION of {module.__name__}, and note its digest {digest}"
