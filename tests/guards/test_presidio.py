"""The adapter to Presidio: what becomes of what it finds. Presidio itself is an extra, with models of their own."""

from importlib.util import find_spec

import pytest
from msgspec import Struct

from antiphon.guards.pii_presidio import PresidioDetector, detector
from antiphon.guards.settings_pii import PresidioSettings


class Result(Struct):
    """As Presidio's `RecognizerResult` has it."""

    entity_type: str
    start: int
    end: int
    score: float


def test_findings_keep_their_order_and_do_not_overlap():
    found = [Result("LOCATION", 20, 26, 0.85), Result("PERSON", 0, 8, 0.85), Result("NRP", 4, 12, 0.9)]
    made = PresidioDetector(PresidioSettings(), lambda text: found).find("Ana Luzia lives in Lisbon.")
    assert [(one.start, one.end, one.kind, one.rule) for one in made] == [
        (0, 8, "person", "presidio.person"),
        (20, 26, "location", "presidio.location"),
    ]


def test_low_scores_and_allowed_texts_are_no_finding():
    found = [Result("PERSON", 0, 3, 0.4), Result("PERSON", 4, 9, 0.9)]
    made = PresidioDetector(PresidioSettings(allow=["LUZIA"]), lambda text: found).find("Ana Luzia")
    assert list(made) == []


def test_it_reads_whole_sentences():
    assert PresidioDetector.granularity == "sentence"


@pytest.mark.skipif(find_spec("presidio_analyzer") is not None, reason="presidio-analyzer is installed")
def test_what_is_not_installed_is_said_with_its_remedy():
    ((_, wrong, remedy),) = PresidioSettings().check()
    assert wrong == "Presidio is not installed"
    assert remedy == "pip install 'antiphon[presidio]'"


@pytest.mark.skipif(
    find_spec("presidio_analyzer") is None or find_spec("en_core_web_sm") is None,
    reason="presidio-analyzer and its model en_core_web_sm are not installed",
)
def test_presidio_finds_a_name():
    made = detector(PresidioSettings()).find("My name is John Oliver.")
    assert [one.kind for one in made] == ["person"]
