"""The page on dialects says who speaks what as the code does."""

import re

from pages.page import ROOT, Page

from antiphon.config.resolve import LAB_PROFILE
from antiphon.core.receipt import Loss
from antiphon.providers.profiles import PROFILES
from antiphon.server import paths
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.losses import told_losses

PAGE = Page(ROOT / "docs" / "explanation" / "dialects.md")
ROWS = {row[0].strip("`"): row[1:] for row in PAGE.rows("Who speaks what")}
TOLD = (
    Loss(field="seed", why="Anthropic has no seed", effect="left out"),
    Loss(field="reasoning_effort", why="the model knows budgets", effect="sent as 2048 tokens", adapted=True),
)


def names(cell: str) -> set[str]:
    return set(re.findall(r"`(?:POST )?([^`]+)`", cell))


def test_every_dialect_has_its_row() -> None:
    assert ROWS.keys() == UPSTREAMS.keys()


def test_a_row_has_the_paths_that_callers_of_the_dialect_ask() -> None:
    served: dict[str, set[str]] = {dialect: set() for dialect in UPSTREAMS}
    for path, call in paths._FIXED.items():
        served[call.codec.name].add(path.decode())
    for action, (dialect, _) in paths._ACTIONS.items():
        served[dialect].add(f"/v1beta/models/{{model}}:{action}")
    assert {dialect: names(row[0]) for dialect, row in ROWS.items()} == served


def test_a_row_has_the_profiles_that_speak_the_dialect() -> None:
    everyone = PROFILES.keys() - {LAB_PROFILE, "compatible"}
    for dialect, (_, cell) in ROWS.items():
        said = everyone - names(cell) if cell.startswith("all but") else names(cell)
        assert said == {name for name in everyone if dialect in spoken(name)}, dialect


def spoken(profile: str) -> set[str]:
    return {way.dialect for way in PROFILES[profile].ways}


def test_the_first_six_are_chat_and_the_last_five_are_passed_alone() -> None:
    alike = {dialect: one.operation for dialect, one in UPSTREAMS.items()}
    assert [alike[dialect] for dialect in ROWS][:6] == ["chat"] * 6
    last = [alike[dialect] for dialect in ROWS][-5:]
    assert len(set(last)) == 5
    assert not set(last) & {alike[dialect] for dialect in list(ROWS)[:-5]}
    assert CODECS["openai_completions"].served_by == "chat"


def test_what_lab_models_and_compatible_servers_do_not_speak_is_said() -> None:
    assert UPSTREAMS.keys() - spoken(LAB_PROFILE) == {"bedrock_converse", "cohere_chat", "cohere_embeddings"}
    openai = {dialect for dialect in UPSTREAMS if dialect.startswith("openai_")}
    assert spoken("compatible") - {"cohere_rerank"} == openai - {"openai_responses"}


def test_the_header_is_shown_as_it_is_sent() -> None:
    assert told_losses(TOLD).decode().strip() in PAGE.text
