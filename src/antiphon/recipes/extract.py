"""What an answer comes to, in one form: two answers that say the same in other words have the same key."""

import ast
import json
import re
import warnings
from typing import Any

from antiphon.recipes.extract_choice import chosen, options
from antiphon.recipes.extract_marks import fenced, marks, sentence, tail, values
from antiphon.recipes.extract_value import day_key, number, number_key, text_key, whole_number
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings, ExactSettings

_MOST_WHOLE = 400
"""A text up to so many characters is an answer as it is, where nothing in it says which part of it is."""
_UNIT = re.compile(r"(?<=\d) [^\W\d_]{1,12}\.?$")
MOST_CODE_BYTES = 65_536
"""Longer programs are refused unread: what reads them has a stack that deep ones exhaust."""


def key_of(answer: str, contract: ContractSettings | None = None, *, request: str = "") -> str | None:
    """What an answer comes to, by which answers are compared. Never raises, whatever the text.

    A choice is the option's name (several: in the options' order, with commas); a number its digits, or a fraction in
    lowest terms; a day `2026-11-27`; JSON without spaces, its keys in order; a program as Python writes it. Without such
    a contract: what the answer says its answer is, else all of it where it is short.

    Args:
        answer: Its text.
        request: The request's text: where the contract names no options, it lists them.
    Returns: None where it can't be told.
    """
    if contract is not None:
        if contract.choice is not None:
            return choice_key(answer, contract.choice, request)
        if contract.exact is not None:
            return exact_key(answer, contract.exact)
        if contract.json_schema is not None:
            found = last_json(answer)
            return None if found is None else json_key(found[0])
        if contract.code is not None:
            found = last_code(answer)
            return None if found is None else code_key(found)
    return free_key(answer)


def choice_key(answer: str, contract: ChoiceSettings, request: str = "") -> str | None:
    """The options that are chosen, by name."""
    return ",".join(chosen(answer, options(contract, request), multiple=contract.multiple)) or None


def exact_key(answer: str, contract: ExactSettings) -> str | None:
    """The one value."""
    if contract.type == "text":
        said = said_text(answer)
        return said if not contract.normalise or said is None else value_key(said)
    places = [mark.text for mark in marks(answer)]
    if contract.type == "date":
        days = (day_key(one) for one in [*(sentence(one) for one in places), *places, tail(answer)])
        return next((day for day in days if day is not None), None)
    for place in places:
        found = number(sentence(place)) if number(sentence(place)) is not None else number(place)
        if found is not None:
            return number_key(found, contract.tolerance)
    found = number(_last_number_line(answer), last=True)
    return None if found is None else number_key(found, contract.tolerance)


def _last_number_line(answer: str) -> str:
    """The last line of a text that has a digit in it."""
    lines = (line for line in reversed(tail(answer).split("\n")) if any(letter.isdigit() for letter in line))
    return next(lines, "")


def said_text(answer: str) -> str | None:
    """The text that an answer says is its answer, as it stands there; all of it where it is short."""
    for mark in marks(answer):
        said = sentence(mark.text) if mark.kind == "phrase" else mark.text
        if text_key(said) or mark.kind == "json":
            return said.strip()
    whole = answer.strip()
    return whole if whole and len(whole) <= _MOST_WHOLE else None


def free_key(answer: str) -> str | None:
    """What an answer comes to where no contract says of what kind it is: a number without its unit, or a text."""
    said = said_text(answer)
    if said is None:
        return None
    bare = said.strip(" .*")
    return value_key(bare if whole_number(bare) is not None else _UNIT.sub("", bare)) or None


def value_key(said: str) -> str:
    """A number in its one form where the text is one; else the text's."""
    found = whole_number(said)
    return text_key(said) if found is None else number_key(found)


def last_json(answer: str) -> tuple[Any, str] | None:
    """The last JSON value of an answer, and its text: all of the answer, the last block between fences, or the last
    object or list that stands in it. Strict: no NaN, no key twice.
    """
    for text in (answer.strip(), *reversed(fenced(tail(answer)))):
        found = strict_json(text.strip())
        if found is not None:
            return found[0], text.strip()
    looked = tail(answer)
    for _, start, end in reversed(list(values(looked))):
        text = looked[start:end]
        found = strict_json(text)
        if found is not None:
            return found[0], text
    return None


def strict_json(text: str) -> tuple[Any] | None:
    """The value that all of a text is; in a tuple, as null is one too."""
    if not text:
        return None
    try:
        return (json.loads(text, parse_constant=_refuse, object_pairs_hook=_once),)
    except (ValueError, RecursionError):
        return None


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def json_key(value: Any) -> str:
    """A JSON value without spaces, keys in order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def last_code(answer: str) -> str | None:
    """The program in an answer: its last block between fences that isn't empty, else all of it."""
    blocks = [block for block in fenced(answer) if block.strip()]
    code = blocks[-1] if blocks else answer
    return code if code.strip() else None


def code_key(code: str) -> str:
    """A program as Python writes it, without comments; as it stands where it can't be read."""
    try:
        return ast.unparse(parsed(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code.strip()


def parsed(code: str) -> ast.Module:
    """A program as a tree: nothing of it runs, and warnings about it are nobody's.

    Raises: SyntaxError, ValueError, RecursionError, MemoryError; the first for what is longer than MOST_CODE_BYTES too.
    """
    if len(code.encode("utf-8", "replace")) > MOST_CODE_BYTES:
        raise SyntaxError(f"it is longer than {MOST_CODE_BYTES} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
        compile(tree, "<answer>", "exec", dont_inherit=True)
    return tree
