"""Passages found by their words: SQLite's FTS5, one file a collection, brought up to date with its files."""

import re
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from glob import glob
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.knowledge.chunks import chunks
from antiphon.knowledge.reading import read
from antiphon.knowledge.settings import CollectionSpec

MOST_TERMS = 32
MOST_FILES = 100_000
_WORDS = re.compile(r"\w+")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, path TEXT UNIQUE, title TEXT, seen TEXT, digest TEXT)",
    """CREATE TABLE IF NOT EXISTS chunks (id INTEGER PRIMARY KEY, document INTEGER, place INTEGER, heading TEXT,
    first_line INTEGER, last_line INTEGER, text TEXT)""",
    "CREATE INDEX IF NOT EXISTS chunks_of ON chunks (document, place)",
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(title, heading, text, tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE TABLE IF NOT EXISTS made (version TEXT)",
)
_FOUND = """
    SELECT d.path, d.title, c.heading, c.first_line, c.last_line, c.text, c.place, -bm25(words, 2.0, 1.5, 1.0)
    FROM words JOIN chunks c ON c.id = words.rowid JOIN documents d ON d.id = c.document
    WHERE words MATCH ? ORDER BY bm25(words, 2.0, 1.5, 1.0), c.id LIMIT ?
"""


class Passage(Struct, frozen=True, kw_only=True):
    """A passage, and where it stands: what citations are made of."""

    collection: str
    document: str
    """Path of the file, as the collection names it."""
    title: str
    heading: str
    first_line: int
    last_line: int
    place: int
    """Which passage of the document, from 0."""
    text: str
    score: float = 0.0

    @property
    def cited(self) -> str:
        """Such as `handbook/returns.md:12-20`."""
        return f"{self.document}:{self.first_line}-{self.last_line}"


class Index:
    """One collection's passages. Any thread may ask; one at a time does. All methods block."""

    def __init__(self, name: str, spec: CollectionSpec, base: Path, place: Path | None = None) -> None:
        """`base`: where relative files begin; `place`: the index's own file, None: in memory. Raises: StoreError."""
        self._name, self._spec, self._base = name, spec, base
        self._lock = threading.Lock()
        self.skipped: dict[str, str] = {}
        """Why files aren't in it, by path."""
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._failing():
            self._database = sqlite3.connect(
                ":memory:" if place is None else place, check_same_thread=False, isolation_level=None, timeout=10.0
            )
            for statement in _TABLES:
                self._database.execute(statement)

    def refresh(self) -> int:
        """Read what changed since the last time. Returns: how many documents it holds. Raises: StoreError."""
        files = self._files()
        version = f"2/{self._spec.chunk_chars}"
        with self._lock, self._failing(), self._writing() as database:
            made = database.execute("SELECT version FROM made").fetchone()
            if made is None or made[0] != version:
                for table in ("documents", "chunks", "words", "made"):
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
                database.execute("INSERT INTO made VALUES (?)", (version,))
            known = {
                str(path): (str(seen), str(digest))
                for path, seen, digest in database.execute("SELECT path, seen, digest FROM documents")
            }
            for path in known.keys() - files.keys():
                self._forget(database, path)
            for path, file in files.items():
                self._take(database, path, file, known.get(path))
            return int(database.execute("SELECT count(*) FROM documents").fetchone()[0])

    def search(self, query: str, most: int) -> list[Passage]:
        """Passages with words of a query, the best first. Raises: StoreError."""
        terms = list(dict.fromkeys(_WORDS.findall(query.lower())))[:MOST_TERMS]
        if not terms:
            return []
        asked = " OR ".join(f'"{term}"' for term in terms)
        with self._lock, self._failing():
            rows = self._database.execute(_FOUND, (asked, most)).fetchall()
        return [self._passage(row[:7], score=round(float(row[7]), 4)) for row in rows]

    def around(self, document: str, place: int, most: int) -> list[Passage]:
        """Passages of a document from one on. Raises: StoreError."""
        sql = (
            "SELECT d.path, d.title, c.heading, c.first_line, c.last_line, c.text, c.place FROM chunks c "
            "JOIN documents d ON d.id = c.document WHERE d.path = ? AND c.place >= ? ORDER BY c.place LIMIT ?"
        )
        with self._lock, self._failing():
            rows = self._database.execute(sql, (document, place, most)).fetchall()
        return [self._passage(row) for row in rows]

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _files(self) -> dict[str, Path]:
        """Files by the path that they are cited by."""
        found: dict[str, Path] = {}
        for pattern in self._spec.files:
            for path in sorted(glob(pattern, root_dir=self._base, recursive=True)):  # noqa: PTH207 - absolute ones too
                file = self._base / path
                if file.is_file() and len(found) < MOST_FILES:
                    found[path] = file
        return found

    def _take(self, database: sqlite3.Connection, path: str, file: Path, known: tuple[str, str] | None) -> None:
        try:
            held = file.stat()
            seen = f"{held.st_mtime_ns}/{held.st_size}/{held.st_ino}"
            if known is not None and known[0] == seen:
                return
            if held.st_size > self._spec.file_bytes:
                self.skipped[path] = f"it has {held.st_size} bytes: at most {self._spec.file_bytes}"
                self._forget(database, path)
                return
            content = file.read_bytes()
        except OSError as error:
            self.skipped[path] = str(error.strerror)
            return
        self.skipped.pop(path, None)
        digest = sha256(content).hexdigest()
        if known is not None and known[1] == digest:
            database.execute("UPDATE documents SET seen = ? WHERE path = ?", (seen, path))
            return
        self._forget(database, path)
        if b"\0" in content[:8192]:
            self.skipped[path] = "it holds no text"
            return
        said = read(path, content)
        cursor = database.execute(
            "INSERT INTO documents (path, title, seen, digest) VALUES (?, ?, ?, ?)", (path, said.title, seen, digest)
        )
        document = cursor.lastrowid
        for place, one in enumerate(chunks(said, self._spec.chunk_chars)):
            row = (document, place, one.heading, one.first_line, one.last_line, one.text)
            sql = "INSERT INTO chunks (document, place, heading, first_line, last_line, text) VALUES (?, ?, ?, ?, ?, ?)"
            chunk = database.execute(sql, row).lastrowid
            database.execute(
                "INSERT INTO words (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
                (chunk, said.title, one.heading, one.text),
            )

    def _forget(self, database: sqlite3.Connection, path: str) -> None:
        chunks_of = "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE d.path = ?"
        database.execute(f"DELETE FROM words WHERE rowid IN ({chunks_of})", (path,))  # noqa: S608 - SQL of ours
        database.execute(f"DELETE FROM chunks WHERE id IN ({chunks_of})", (path,))  # noqa: S608 - SQL of ours
        database.execute("DELETE FROM documents WHERE path = ?", (path,))

    def _passage(self, row: Sequence[object], score: float = 0.0) -> Passage:
        document, title, heading, first_line, last_line, text, place = row
        return Passage(
            collection=self._name,
            document=str(document),
            title=str(title),
            heading=str(heading),
            first_line=int(str(first_line)),
            last_line=int(str(last_line)),
            place=int(str(place)),
            text=str(text),
            score=score,
        )

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, of one process at a time."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _failing(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the index of the collection {self._name} can't be used: {error}") from error
