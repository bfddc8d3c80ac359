from pathlib import Path

import pytest

from antiphon.config.diff import RESTART
from antiphon.config.reference import reference
from antiphon.config.resolve import LAB, NO_KEY, NO_WEIGHT
from antiphon.config.settings import Settings
from antiphon.config.walk import Setting, walk

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text() == reference(), "run `python -m antiphon.config.reference`"


@pytest.mark.parametrize("setting", list(walk(Settings)), ids=lambda one: one.path)
def test_every_setting_has_its_heading_and_description(setting: Setting) -> None:
    text = reference()
    assert f"# `{setting.path}`\n\n{setting.description}\n" in text


def test_bounds_choices_and_defaults_are_said() -> None:
    text = reference()
    assert "- Takes: a whole number from 0 to 65535\n- Default: `8080`\n" in text
    assert '- Takes: one of `debug`, `error`, `info`, `warning`\n- Default: `"info"`\n' in text
    assert "- Takes: text, kept secret\n- Default: none, it must be written\n" in text


def test_every_reason_of_a_lost_candidate_and_every_restart_is_said() -> None:
    text = reference()
    assert all(f"| `{reason}` |" in text for reason in (LAB, NO_KEY, NO_WEIGHT))
    assert text.count("needs a *restart*") == len(RESTART)
