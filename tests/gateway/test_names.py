"""Calls that name too many fields are slow, and nothing in the code tells so."""

import dis
from collections.abc import Iterator
from inspect import getmembers, isclass, isfunction
from types import CodeType, ModuleType

import pytest

from antiphon.calls import answer, attempt, caller, course, settlement, story
from antiphon.gateway import decide, execute, gateway, record
from antiphon.metering import journal
from antiphon.providers import target
from antiphon.server import ask, reply
from antiphon.wire.openai_chat import head, put

ON_THE_PATH = (
    answer,
    ask,
    attempt,
    caller,
    course,
    decide,
    execute,
    gateway,
    head,
    journal,
    put,
    record,
    reply,
    settlement,
    story,
    target,
)


def functions(module: ModuleType) -> Iterator[tuple[str, CodeType]]:
    for owner in (module, *(one for _, one in getmembers(module, isclass) if one.__module__ == module.__name__)):
        for name, one in getmembers(owner, isfunction):
            if one.__module__ == module.__name__:
                yield name, one.__code__


def dict_built_for(call: object) -> bool:
    return any(one.opname == "MAP_ADD" for one in dis.get_instructions(call))


@pytest.mark.parametrize("module", ON_THE_PATH, ids=lambda module: module.__name__)
def test_no_call_on_the_path_names_so_many_fields_that_a_dict_is_built_for_them(module: ModuleType) -> None:
    """From 16 names on CPython 3.11 calls by way of a dict (`STACK_USE_GUIDELINE` in its `compile.c`): 0.3 µs more a call."""
    assert [name for name, code in functions(module) if dict_built_for(code)] == []


def test_such_a_call_is_seen() -> None:
    def many(**said: int) -> dict[str, int]:
        return said

    few = compile("f(" + ", ".join(f"a{n}=x" for n in range(15)) + ")", "", "eval")
    more = compile("f(" + ", ".join(f"a{n}=x" for n in range(16)) + ")", "", "eval")

    assert not dict_built_for(few)
    assert dict_built_for(more)
    assert eval(more, {"f": many, "x": 1})["a15"] == 1
