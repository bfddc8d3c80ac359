"""`antiphon config diff` without files: what the admin API owns beside the configuration."""

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import yaml as pyyaml
from msgspec import Struct, structs, to_builtins

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.diff_documents import DocumentChange, diff_documents, digests
from antiphon.config.forms import FileForms
from antiphon.config.load import Loaded
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
    loaded = configured(arguments)
    there = office(arguments)
    found = list(_found(there, FileForms(loaded)))
    documents = _documents(there, loaded)
    if arguments.export:
        put(_exported(found))
    elif arguments.json:
        document({"drift": to_builtins(found), "documents": to_builtins(documents)})
    else:
        lines = [*map(_line, found), *map(line, documents)]
        if lines:
            put("\n".join(lines))
        doubled = sum(one.differs is not None for one in found)
        also = f", {doubled} of them by the file too" if doubled else ""
        say(f"The admin API owns {text.counted(len(found), 'object')}{also}.")
        if documents:
            say(f"{text.counted(len(documents), 'document')} of the gateway's are others than the configuration's.")
    return Exit.OK


def line(one: DocumentChange) -> str:
    """`+` what comes, `-` what goes, `~` what says another text, `=` what is the admin API's and stays."""
    sign = {"new": "+", "gone": "-", "changed": "~", "api": "="}[one.state]
    said = {"api": "  (the admin API's)", "changed": "  (another text: give it another version)"}.get(one.state, "")
    return f"{sign} {one.id}{said}"


def _documents(there: Office, loaded: Loaded) -> list[DocumentChange]:
    """What the gateway's documents are beside the configuration's: those of its files, and the admin API's."""
    shown = there.ask("GET", path_of("documents"))["data"]
    digest_of = {one["id"]: str(one["digest"]) for one in shown}
    own = {one["id"] for one in shown if one["owner"] == "api"}
    changes = diff_documents(digest_of, digests(loaded.shelf))
    return [structs.replace(one, state="api") if one.state == "gone" and one.id in own else one for one in changes]


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
