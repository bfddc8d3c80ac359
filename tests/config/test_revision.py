"""What makes a configuration another."""

from hashlib import sha256
from pathlib import Path

from antiphon.config.revision import learned, revision
from antiphon.config.settings import Settings
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_auto import AutoSettings


def test_a_learned_file_that_says_something_else_makes_another_revision(tmp_path: Path) -> None:
    file = tmp_path / "gain.json"
    found = Settings(recipes={"a": RecipeSettings(auto=AutoSettings(members=["x"], file=str(file)))})

    file.write_text("one")
    first = revision(found, learned(found))
    file.write_text("two")
    second = revision(found, learned(found))

    assert first.id != second.id
    assert [name for name in first.parts if first.parts[name] != second.parts[name]] == ["learned"]
    assert learned(found) == {"recipes.a.auto.file": sha256(b"two").hexdigest()}
