"""What the audit of dependencies makes of what is known."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]


def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(*vulns: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": [{"name": "jinja2", "version": "3.0", "vulns": list(vulns)}]}


FOUND = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3.1"]}


def test_a_known_advisory_fails_and_says_what_mends_it() -> None:
    code, told = audit().judged(report(FOUND), {})
    assert code == 1
    assert told == ["jinja2 3.0: PYSEC-1 is known; mended in 3.1"]


def test_an_accepted_one_does_not_by_any_of_its_names() -> None:
    known = audit().accepted("# why\nCVE-2026-1 we never render what callers send\n")
    assert known == {"CVE-2026-1": "we never render what callers send"}
    assert audit().judged(report(FOUND), known)[0] == 0


def test_an_index_without_advisories_is_told() -> None:
    nothing = {"dependencies": [{"name": "jinja2", "skip_reason": "not found"}]}
    assert audit().judged(nothing, {}) == (0, [audit().UNKNOWN])


def test_what_was_looked_at_is_counted() -> None:
    assert audit().judged(report(), {}) == (0, ["audited 1 of 1 locked packages: nothing known"])


def test_accepted_advisories_say_why() -> None:
    text = (ROOT / "requirements" / "accepted.txt").read_text("utf-8")
    assert all(audit().accepted(text).values())
