"""Where checkpoints lie outside the database: a directory and a bucket, one contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.core.error import StoreError
from antiphon.store.notes_place import NotesPlace


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 that runs here: moto's server, asked over HTTP by the same client that asks AWS."""
    boto3 = pytest.importorskip("boto3")
    server_of = pytest.importorskip("moto.server").ThreadedMotoServer
    pytest.importorskip("pyarrow")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = server_of(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(Bucket="audit")
    yield f"s3://audit/points?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    server.stop()


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> NotesPlace:
    return NotesPlace(str(tmp_path / "out") if request.param == "directory" else request.getfixturevalue("bucket"))


def test_notes_are_found_by_origin_and_never_written_over(place: NotesPlace) -> None:
    assert place.origins() == []
    assert place.last("example.com/log/a b") is None
    place.put("example.com/log/a b", 5, b"first")
    place.put("example.com/log/a b", 5, b"second")
    place.put("example.com/log/a b", 40, b"third")
    place.put("example.com/log", 1, b"own")

    assert list(place.all("example.com/log/a b")) == [b"first", b"third"]
    assert place.last("example.com/log/a b") == b"third"
    assert place.origins() == ["example.com/log", "example.com/log/a b"]


def test_a_bucket_that_is_not_there_is_told(bucket: str) -> None:
    with pytest.raises(StoreError):
        NotesPlace(bucket.replace("audit/", "absent/")).put("a", 1, b"x")
