import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from antiphon.cli.main import main

PROMPT = """\
# Kept as it is.
apiVersion: antiphon/v1
kind: Prompt
metadata: {name: sort}
spec: {text: "Sort ${env:NOT_SET_HERE}."}
"""


@pytest.fixture
def packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "prompts.yaml").write_text(PROMPT)
    assert main(["agent", "package", str(tmp_path / "*.yaml"), "--out", str(tmp_path / "a.tar.gz"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest()
    assert [one["id"] for one in told["documents"]] == ["Prompt/sort@1"]
    return tmp_path / "a.tar.gz"


def unpacked(package: Path, *more: str) -> int:
    return main(["agent", "unpack", str(package), "--to", str(package.parent / "out"), *more])


def altered(package: Path, name: str, body: bytes, kind: bytes = tarfile.REGTYPE) -> Path:
    """The package with one member changed or added."""
    with tarfile.open(package) as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    members[name] = body
    out = package.with_name("altered.tar.gz")
    with tarfile.open(out, "w:gz") as tar:
        for one, content in members.items():
            info = tarfile.TarInfo(one)
            info.size, info.type = len(content), kind if one == name else tarfile.REGTYPE
            tar.addfile(info, io.BytesIO(content))
    return out


def test_a_package_gives_back_the_same_files(packed: Path) -> None:
    assert unpacked(packed) == 0
    assert (packed.parent / "out" / "prompts.yaml").read_text() == PROMPT


def test_the_same_documents_make_the_same_package(packed: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.tar.gz"
    main(["agent", "package", str(tmp_path / "prompts.yaml"), "--out", str(other)])

    assert other.read_bytes() == packed.read_bytes()


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("prompts.yaml", PROMPT.replace("Sort", "Send").encode(), tarfile.REGTYPE),
        ("more.yaml", PROMPT.replace("sort", "more").encode(), tarfile.REGTYPE),
        ("../evil.yaml", PROMPT.encode(), tarfile.REGTYPE),
        ("link", b"", tarfile.SYMTYPE),
        ("antiphon-package.json", b'{"format": "other", "documents": []}', tarfile.REGTYPE),
    ],
)
def test_a_package_that_was_changed_is_refused_and_nothing_written(
    packed: Path, name: str, body: bytes, kind: bytes
) -> None:
    assert unpacked(altered(packed, name, body, kind)) == 1
    assert not (packed.parent / "out").exists()


def test_a_package_with_another_digest_is_refused(packed: Path) -> None:
    assert unpacked(packed, "--digest", "0" * 64) == 1


def test_files_that_are_there_are_not_written_over(packed: Path) -> None:
    (packed.parent / "out").mkdir()
    (packed.parent / "out" / "prompts.yaml").write_text("mine")

    assert unpacked(packed) == 1
    assert (packed.parent / "out" / "prompts.yaml").read_text() == "mine"
