"""Where Parquet files lie: a directory, or a bucket of S3. One file a day, table and gateway.

`TABLE/day=YYYY-MM-DD/NAME.parquet`. A reader sees a whole file or none.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Literal

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.store.libraries import library

Table = Literal["receipts", "ledger", "focus"]
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
PURPOSE = "exporting to Parquet"
COPY_BYTES = 8_388_608


class Place(Struct, frozen=True):
    """A directory, by its path, or `s3://BUCKET/PREFIX`.

    Options of S3 stand in its query, such as `?endpoint_override=http://127.0.0.1:9000&region=eu-central-1`; its
    credentials come from where AWS's own tools look.
    """

    url: str

    @property
    def remote(self) -> bool:
        return self.url.startswith("s3://")

    def files(self, table: Table) -> dict[str, date]:
        """Files of a table with the day of each. Raises: StoreError."""
        found = self._remote_files(table) if self.remote else _local_files(Path(self.url) / table)
        days = ((path, _DAY.search(path)) for path in found if path.endswith(".parquet"))
        return {path: date.fromisoformat(day[1]) for path, day in days if day is not None}

    def file(self, table: Table, day: date, name: str, ending: str = "parquet") -> str:
        """Path of one file, below the place's own file system."""
        base = self.system()[1] if self.remote else self.url
        return f"{base.rstrip('/')}/{table}/day={day.isoformat()}/{name}.{ending}"

    def system(self) -> tuple[Any, str]:
        """The file system of a bucket, and the path in it. Raises: StoreError."""
        fs = library("pyarrow.fs", "parquet", PURPOSE)
        try:
            return fs.FileSystem.from_uri(self.url)
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.url} can't be reached: {_first_line(error)}") from error

    def _remote_files(self, table: Table) -> Iterator[str]:
        fs = library("pyarrow.fs", "parquet", PURPOSE)
        system, base = self.system()
        selector = fs.FileSelector(f"{base.rstrip('/')}/{table}", allow_not_found=True, recursive=True)
        try:
            yield from (one.path for one in system.get_file_info(selector) if one.is_file)
        except OSError as error:
            raise StoreError(f"{self.url} can't be read: {_first_line(error)}") from error

    @contextmanager
    def writing(self, path: str) -> Generator[IO[bytes]]:
        """A file to write; it is there once the block has ended well, and not before. Raises: StoreError."""
        try:
            if self.remote:
                with self._uploading(path) as stream:
                    yield stream
            else:
                with _replacing(Path(path)) as stream:
                    yield stream
        except OSError as error:
            raise StoreError(f"{path} can't be written: {_first_line(error)}; the day can be exported again") from error

    @contextmanager
    def _uploading(self, path: str) -> Generator[IO[bytes]]:
        """Nothing goes out before the file is whole; an upload that breaks off leaves `.partial`, which nobody reads."""
        with tempfile.TemporaryFile() as whole:
            yield whole
            whole.seek(0)
            system, beside = self.system()[0], f"{path}.partial"
            with system.open_output_stream(beside) as stream:
                shutil.copyfileobj(whole, stream, COPY_BYTES)
            system.move(beside, path)

    def rows(self, path: str) -> int:
        """Rows of a Parquet file; 0 when there is none. Raises: StoreError."""
        parquet = library("pyarrow.parquet", "parquet", PURPOSE)
        try:
            if self.remote:
                return int(parquet.ParquetFile(self.system()[0].open_input_file(path)).metadata.num_rows)
            return int(parquet.ParquetFile(path).metadata.num_rows) if os.path.exists(path) else 0  # noqa: PTH110
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} can't be read: {_first_line(error)}") from error


def _local_files(table: Path) -> Iterator[str]:
    return (str(path) for path in sorted(table.glob("day=*/*.parquet")))


@contextmanager
def _replacing(path: Path) -> Generator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def arrow() -> ModuleType:
    """Raises: StoreError."""
    return library("pyarrow", "parquet", PURPOSE)
