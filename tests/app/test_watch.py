import os
from pathlib import Path

import msgspec
import pytest

from antiphon.app.watch import Watch, source
from antiphon.config.load import Loaded, load, load_text
from antiphon.server.settings import Tls

TEXT = "server: {port: 8081}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "antiphon.yaml"
    path.write_text(TEXT)
    return path


def with_tls(loaded: Loaded, directory: Path) -> Loaded:
    tls = Tls(cert_file=str(directory / "c"), key_file=str(directory / "k"), client_ca_file=str(directory / "ca"))
    server = msgspec.structs.replace(loaded.settings.server, tls=tls)
    return msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, server=server))


def test_nothing_has_changed_at_first(file: Path) -> None:
    watch = Watch(load(file, {}))

    assert [watch.changed(), watch.changed()] == [False, False]


def test_a_longer_file_has_changed_once(file: Path) -> None:
    watch = Watch(load(file, {}))
    before = file.stat()
    file.write_text(TEXT + "#")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [watch.changed(), watch.changed()] == [True, False]


def test_a_file_written_later_has_changed(file: Path) -> None:
    watch = Watch(load(file, {}))
    before = file.stat()
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))

    assert watch.changed()


def test_a_file_put_in_its_place_has_changed(file: Path, tmp_path: Path) -> None:
    """As editors and Kubernetes do it; here with the same size and time."""
    watch = Watch(load(file, {}))
    before = file.stat()
    other = tmp_path / "other"
    other.write_text(TEXT)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)

    assert watch.changed()


def test_a_file_that_goes_and_comes_has_changed_twice(file: Path) -> None:
    watch = Watch(load(file, {}))

    file.unlink()
    gone = watch.changed()
    still = watch.changed()
    file.write_text(TEXT)

    assert [gone, still, watch.changed(), watch.changed()] == [True, False, True, False]


@pytest.mark.parametrize("name", ["c", "k", "ca"])
def test_files_of_tls_are_watched_too(file: Path, tmp_path: Path, name: str) -> None:
    for one in ("c", "k", "ca"):
        (tmp_path / one).write_text("x")
    watch = Watch(with_tls(load(file, {}), tmp_path))
    before = watch.changed()

    (tmp_path / name).write_text("xx")

    assert [before, watch.changed(), watch.changed()] == [False, True, False]


def test_what_was_written_while_the_change_before_was_read_has_changed(file: Path) -> None:
    watch = Watch(load(file, {}))
    file.write_text(TEXT + "#")
    watch.changed()
    loaded = load(file, {})
    file.write_text(TEXT + "##")

    watch = Watch(loaded, watch)

    assert [watch.changed(), watch.changed()] == [True, False]


def test_a_built_in_configuration_has_no_file(tmp_path: Path) -> None:
    loaded = load_text(TEXT, "quickstart.yaml (built in)", tmp_path, {})

    assert source(loaded) is None
    assert not Watch(loaded).changed()


def test_the_source_is_the_file_that_was_read(file: Path) -> None:
    assert source(load(file, {})) == file
