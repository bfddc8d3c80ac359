"""`antiphon config diff` without files: what the admin API owns beside the configuration."""

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import yaml as pyyaml
from msgspec import Struct, to_builtins

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.forms import FileForms
from antiphon.control.fields import written as fields_of
from antiphon.control.ownership import SECTIONS
from antiphon.core.objects import ObjectKind


class Drift(Struct, frozen=True, kw_only=True):
    """An object that the admin API owns."""

    section: str
    name: str
    by: str
    version: int
    spec: dict[str, Any]
    differs: dict[str, tuple[Any, Any]] | None
    """What the file says otherwise under the same name: field to (file, API). None: the file has no such name."""


def run(arguments: Namespace) -> int:
    """Show it, or write it as the file would have it."""
    forms = FileForms(configured(arguments))
    found = list(_found(office(arguments), forms))
    if arguments.export:
        put(_exported(found))
    elif arguments.json:
        document({"drift": [to_builtins(one) for one in found]})
    else:
        if found:
            put("\n".join(_line(one) for one in found))
        doubled = sum(one.differs is not None for one in found)
        also = f", {doubled} of them by the file too" if doubled else ""
        say(f"The admin API owns {text.counted(len(found), 'object')}{also}.")
    return Exit.OK


def _found(there: Office, forms: FileForms) -> Iterator[Drift]:
    for kind, section in SECTIONS.items():
        for one in there.pages(path_of(section), "&owner=api"):
            yield Drift(
                section=section,
                name=one["name"],
                by=one["by"],
                version=one["version"],
                spec=one["spec"],
                differs=_differs(kind, one, forms),
            )


def _differs(kind: ObjectKind, one: Json, forms: FileForms) -> dict[str, tuple[Any, Any]] | None:
    written = forms.written(kind).get(one["name"])
    if written is None:
        return None
    file, api = fields_of(written), one["spec"]
    return {name: (file.get(name), api.get(name)) for name in {**file, **api} if file.get(name) != api.get(name)}


def _line(one: Drift) -> str:
    """`+` the API's alone, `!` the file's too."""
    head = f"{one.section}[{one.name}]"
    said = f"(version {one.version}, by {one.by})"
    if one.differs is None:
        return f"+ {head} {said}"
    fields = ", ".join(f"{name}: {json.dumps(a)} -> {json.dumps(b)}" for name, (a, b) in one.differs.items())
    return f"! {head} {said}: the file has it too; {fields or 'nothing differs'}"


def _exported(found: list[Drift]) -> str:
    """YAML for the file; a key's text is not known, so a variable stands for it."""
    sections: dict[str, list[Json]] = {}
    for one in found:
        item = {"name": one.name, **one.spec}
        if one.section == "keys":
            item["key"] = "${env:" + "".join(sign if sign.isalnum() else "_" for sign in one.name).upper() + "_KEY}"
        sections.setdefault(one.section, []).append(item)
    return pyyaml.safe_dump(sections, sort_keys=False, allow_unicode=True) if sections else ""
