"""A folder that nothing leads out of: every part of a path is opened beneath the one before, and links are not followed."""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from antiphon.agents.hands import ToolFailed

MOST_PARTS = 8
_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNSAFE = frozenset(chr(one) for one in (*range(32), 127))


class Limits(Struct, frozen=True, kw_only=True):
    """The most that a folder holds."""

    file_bytes: int = 4_194_304
    folder_bytes: int = 67_108_864
    files: int = 1000


class Found(Struct, frozen=True, kw_only=True):
    """A file."""

    path: str
    size_bytes: int


class Folder:
    """Files beneath one folder. Methods block."""

    def __init__(self, root: str, limits: Limits) -> None:
        """Raises: ToolFailed, where there is no folder."""
        if not root:
            raise ToolFailed("unavailable", "This run has no folder for files.")
        self._root, self._limits = root, limits

    def read(self, path: str, *, offset: int = 0, most_bytes: int = 0) -> tuple[bytes, int]:
        """Bytes of a file, and how many it has. Raises: ToolFailed."""
        parts = parts_of(path)
        with self._beneath(parts[:-1], make=False) as place, _opened(parts[-1], os.O_RDONLY, place, path) as file:
            size = _regular(file, path)
            if size > self._limits.file_bytes:
                raise ToolFailed("too_large", f"{path} has {size} bytes; {self._limits.file_bytes} is the most.")
            left = max(size - offset, 0)
            return _read(file, offset, min(left, most_bytes or left)), size

    def write(self, path: str, content: bytes, *, append: bool = False) -> str:
        """Put a file in place, whole or not at all. Returns: SHA-256 of what it holds. Raises: ToolFailed."""
        parts = parts_of(path)
        if append:
            try:
                content = self.read(path)[0] + content
            except ToolFailed as error:
                if error.code != "not_found":
                    raise
        if len(content) > self._limits.file_bytes:
            raise ToolFailed(
                "too_large", f"{path} would have {len(content)} bytes; {self._limits.file_bytes} is the most."
            )
        self._room(path, len(content))
        with self._beneath(parts[:-1], make=True) as place:
            _replaced(parts[-1], content, place, path)
        return sha256(content).hexdigest()

    def list(self) -> list[Found]:
        """All files, by path."""
        found: list[Found] = []
        if Path(self._root).is_dir():
            for folder, folders, files, at in os.fwalk(self._root, follow_symlinks=False):
                folders.sort()
                for name in files:
                    held = os.stat(name, dir_fd=at, follow_symlinks=False)
                    if stat.S_ISREG(held.st_mode) and not name.startswith("."):
                        path = os.path.relpath(f"{folder}/{name}", self._root)
                        found.append(Found(path=path, size_bytes=held.st_size))
        return sorted(found, key=lambda one: one.path)

    def _room(self, path: str, size: int) -> None:
        others = [one for one in self.list() if one.path != path]
        if len(others) >= self._limits.files:
            raise ToolFailed("too_large", f"The folder holds {self._limits.files} files already, which is the most.")
        if sum(one.size_bytes for one in others) + size > self._limits.folder_bytes:
            raise ToolFailed("too_large", f"The folder would hold more than {self._limits.folder_bytes} bytes.")

    @contextmanager
    def _beneath(self, parts: tuple[str, ...], *, make: bool) -> Generator[int]:
        """The folder of a path, open."""
        if make:
            Path(self._root).mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ToolFailed("not_found", "There are no files yet.") from None
        try:
            for part in parts:
                if make:
                    _made(part, at)
                with _failing("/".join(parts)):
                    below = os.open(part, _LOOK, dir_fd=at)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)


def parts_of(path: str) -> tuple[str, ...]:
    """Parts of a path. Raises: ToolFailed, for one that could lead elsewhere."""
    parts = tuple(path.removeprefix("./").split("/"))
    if (
        not path
        or len(parts) > MOST_PARTS
        or any(
            part in {"", ".", ".."} or part.startswith(".") or len(part.encode()) > 200 or _UNSAFE & set(part)
            for part in parts
        )
    ):
        say = f"{path[:200]!r} is no path of this folder: names with / between them, {MOST_PARTS} at most, none with a dot first."
        raise ToolFailed("invalid_arguments", say)
    return parts


@contextmanager
def _failing(path: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EMLINK}:
            raise ToolFailed("refused", f"{path} leads through what is no folder, or isn't a file.") from None
        if error.errno == errno.ENOENT:
            raise ToolFailed("not_found", f"There is no file {path}.") from None
        raise ToolFailed("failed", f"{path}: {error.strerror}") from None


@contextmanager
def _opened(name: str, flags: int, place: int, path: str) -> Generator[int]:
    with _failing(path):
        file = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=place)
    try:
        yield file
    finally:
        os.close(file)


def _regular(file: int, path: str) -> int:
    held = os.fstat(file)
    if not stat.S_ISREG(held.st_mode):
        raise ToolFailed("refused", f"{path} is no file.")
    return held.st_size


def _read(file: int, offset: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (piece := os.pread(file, size, offset)):
        pieces.append(piece)
        size, offset = size - len(piece), offset + len(piece)
    return b"".join(pieces)


def _made(name: str, place: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=place)
    except FileExistsError:
        return
    except OSError as error:
        raise ToolFailed("failed", f"{name}: {error.strerror}") from None


def _replaced(name: str, content: bytes, place: int, path: str) -> None:
    """Write beside, then rename: nobody sees half of it, and a link in its place is replaced rather than followed."""
    beside = f".{os.urandom(8).hex()}"
    with _failing(path):
        held = os.stat(name, dir_fd=place, follow_symlinks=False) if _there(name, place) else None
        if held is not None and not stat.S_ISREG(held.st_mode):
            raise ToolFailed("refused", f"{path} is no file.")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=place)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(file, view) :]
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(beside, name, src_dir_fd=place, dst_dir_fd=place)


def _there(name: str, place: int) -> bool:
    try:
        os.stat(name, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
