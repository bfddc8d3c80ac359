"""Where signed notes lie outside the database: a directory, or a bucket of S3. None is ever written over.

`ORIGIN/SIZE.note`, the origin with its slashes and other odd characters written as `%XX`, the size with 20 digits.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from antiphon.core.error import StoreError
from antiphon.store.libraries import library
from antiphon.store.parquet_place import Place

ENDING = ".note"
MOST_BYTES = 65_536
"""Of a note."""


class NotesPlace:
    """Put, and found again. All methods raise StoreError."""

    def __init__(self, url: str) -> None:
        """`url`: a path, or `s3://BUCKET/PREFIX`; its options and credentials as for exports."""
        self.url = url
        self._bucket = Place(url) if url.startswith("s3://") else None

    def put(self, origin: str, size: int, note: bytes) -> None:
        """Write a note, and have it on the disk. One of this size that is there already stays."""
        if self._bucket is not None:
            self._upload(self._bucket, origin, size, note)
            return
        path = Path(self.url) / _folder(origin) / _file(size)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with beside.open("wb") as file:
                    file.write(note)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(beside, path)
            except FileExistsError:
                return
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error.strerror or error}") from error

    def _upload(self, bucket: Place, origin: str, size: int, note: bytes) -> None:
        system, base = bucket.system()
        path = f"{base.rstrip('/')}/{_folder(origin)}/{_file(size)}"
        try:
            (known,) = system.get_file_info([path])
            if known.is_file:
                return
            with bucket.writing(path) as file:
                file.write(note)
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error}") from error

    def last(self, origin: str) -> bytes | None:
        """The note of the largest size; None: there is none."""
        found = sorted(self._sizes(origin))
        return self._read(origin, found[-1]) if found else None

    def all(self, origin: str) -> Iterator[bytes]:
        """Every note, in order of sizes."""
        for size in sorted(self._sizes(origin)):
            yield self._read(origin, size)

    def origins(self) -> list[str]:
        """Of whom there are notes."""
        if self._bucket is None:
            base = Path(self.url)
            names = [one.name for one in base.iterdir() if one.is_dir()] if base.is_dir() else []
        else:
            names = [one.base_name for one in self._listed(self._bucket, "") if not one.is_file]
        return sorted(map(unquote, names))

    def _sizes(self, origin: str) -> Iterator[int]:
        if self._bucket is None:
            names = [path.name for path in (Path(self.url) / _folder(origin)).glob(f"*{ENDING}")]
        else:
            names = [one.base_name for one in self._listed(self._bucket, _folder(origin)) if one.is_file]
        for name in names:
            size = name.removesuffix(ENDING)
            if name.endswith(ENDING) and size.isascii() and size.isdigit():
                yield int(size)

    def _listed(self, bucket: Place, folder: str) -> list[Any]:
        fs = library("pyarrow.fs", "parquet", "checkpoints in a bucket")
        system, base = bucket.system()
        try:
            return list(system.get_file_info(fs.FileSelector(f"{base.rstrip('/')}/{folder}", allow_not_found=True)))
        except OSError as error:
            raise StoreError(f"checkpoints in {self.url} can't be read: {error}") from error

    def _read(self, origin: str, size: int) -> bytes:
        try:
            if self._bucket is None:
                with (Path(self.url) / _folder(origin) / _file(size)).open("rb") as file:
                    return file.read(MOST_BYTES)
            system, base = self._bucket.system()
            with system.open_input_stream(f"{base.rstrip('/')}/{_folder(origin)}/{_file(size)}") as stream:
                return stream.read(MOST_BYTES)
        except OSError as error:
            raise StoreError(f"checkpoints in {self.url} can't be read: {error}") from error


def _folder(origin: str) -> str:
    return quote(origin, safe="")


def _file(size: int) -> str:
    return f"{size:020d}{ENDING}"
