"""`antiphon version`."""

import json
import platform

import pytest

from antiphon import __version__

pytestmark = pytest.mark.processes


def test_versions_are_told_of_all_that_matters(antiphon):
    told = json.loads(antiphon("version", "--json").out)
    assert list(told) == ["antiphon", "python", "uvloop", "httptools", "msgspec", "sqlite", "openssl"]
    assert (told["antiphon"], told["python"]) == (__version__, platform.python_version())
    lines = antiphon("version").out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, version] for name, version in told.items()]


def test_the_option_says_the_same(antiphon):
    assert antiphon("--version").out == f"antiphon {__version__}\n"
