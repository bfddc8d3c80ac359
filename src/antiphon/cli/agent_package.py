"""`antiphon agent package|unpack`: documents in one file, with their digests."""

import gzip
import io
import tarfile
from argparse import Namespace
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct, to_builtins

from antiphon.cli import text
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.documents import Read, read_text
from antiphon.core.error import BadRequest, ConfigError, Problem
from antiphon.policy.source import files_of

MANIFEST = "antiphon-package.json"
FORMAT = "antiphon-package/1"
MOST_BYTES = 67_108_864
"""Of a package, unpacked."""


class Packed(Struct, frozen=True, kw_only=True):
    """One document of a package."""

    id: str
    """`KIND/NAME@VERSION`."""
    digest: str
    file: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What is in a package."""

    format: str
    documents: list[Packed]


def run(arguments: Namespace) -> int:
    """Run the verb."""
    return {"package": _package, "unpack": _unpack}[arguments.verb](arguments)


def _package(arguments: Namespace) -> int:
    """Pack files as they are. Nothing is filled in, and what `${file:…}` names is not packed."""
    texts = _named(files_of(arguments.files))
    read = _read(texts)
    documents = [Packed(id=one.id, digest=one.digest, file=one.file) for one in read.documents]
    if not documents:
        raise BadRequest("there is no document in these files; name files that begin with `apiVersion:`")
    manifest = msgspec.json.format(msgspec.json.encode(Manifest(format=FORMAT, documents=documents)))
    packed = _tar({MANIFEST: manifest, **{name: said.encode() for name, said in texts.items()}})
    Path(arguments.out).write_bytes(packed)
    _told(arguments, {"file": arguments.out}, packed, documents)
    return Exit.OK


def _unpack(arguments: Namespace) -> int:
    """Raises: BadRequest, ConfigError, OSError."""
    packed = Path(arguments.file).read_bytes()
    found = sha256(packed).hexdigest()
    if arguments.digest and found != arguments.digest:
        raise BadRequest(f"{arguments.file} has the digest {found}, not {arguments.digest}; don't use it")
    members = _members(packed, arguments.file)
    manifest, texts = checked(members, arguments.file)
    folder = Path(arguments.to)
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise BadRequest(f"{folder / there[0]} is there already; name another folder")
    for name, said in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(said, "utf-8")
    _told(arguments, {"folder": arguments.to}, packed, manifest.documents)
    return Exit.OK


def _told(arguments: Namespace, where: dict[str, Any], packed: bytes, documents: list[Packed]) -> None:
    found = sha256(packed).hexdigest()
    if arguments.json:
        listed = [{"id": one.id, "digest": one.digest} for one in documents]
        document({**where, "digest": found, "documents": to_builtins(listed)})
        return
    put(
        "\n".join(
            text.table([(one.id, one.digest[:16], one.file) for one in documents], ("DOCUMENT", "DIGEST", "FILE"))
        )
    )
    say(f"{text.counted(len(documents), 'document')} in {next(iter(where.values()))}; SHA-256 of the package: {found}")


def checked(members: dict[str, bytes], package: str) -> tuple[Manifest, dict[str, str]]:
    """A package's documents, each as its digest says. Raises: BadRequest, ConfigError."""
    try:
        manifest = msgspec.json.decode(members.pop(MANIFEST, b""), type=Manifest)
        texts = {name: body.decode() for name, body in members.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"{package} is no package of documents: {error}") from error
    if manifest.format != FORMAT:
        raise BadRequest(f"{package} has the format {manifest.format[:64]!r}; this Antiphon reads {FORMAT}")
    found = {(one.id, one.digest, one.file) for one in _read(texts).documents}
    pinned = {(one.id, one.digest, one.file) for one in manifest.documents}
    for one in sorted(found ^ pinned):
        raise BadRequest(f"{package}: {one[0]} in {one[2]} is not what the package pins; don't use it")
    return manifest, texts


def _read(texts: dict[str, str]) -> Read:
    """Raises: ConfigError, with every mistake."""
    read = Read(documents=[], written=[], problems=[])
    for name, said in texts.items():
        read_text(read, said, name, None, Path())
    if read.problems:
        raise ConfigError(read.problems)
    return read


def _named(files: list[Path]) -> dict[str, str]:
    """Texts by file name. Raises: ConfigError, OSError."""
    texts: dict[str, str] = {}
    for file in files:
        if file.name in texts:
            remedy = "rename one of them: a package has no folders"
            raise ConfigError([Problem(file=str(file), line=1, path="(file)", wrong="comes twice", remedy=remedy)])
        texts[file.name] = file.read_text("utf-8")
    return texts


def _tar(members: dict[str, bytes]) -> bytes:
    """The same members, the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, body in sorted(members.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(body), 0o644
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def _members(packed: bytes, package: str) -> dict[str, bytes]:
    """Files of a package by name: no folders, links or names that lead elsewhere. Raises: BadRequest."""
    members: dict[str, bytes] = {}
    left = MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            for info in tar:
                left -= info.size
                plain = PurePosixPath(info.name).name == info.name and info.name not in (".", "..")
                if left < 0 or not info.isreg() or not plain or info.name in members:
                    raise BadRequest(f"{package} holds {info.name[:64]!r}, which no package of documents does")
                body = tar.extractfile(info)
                members[info.name] = b"" if body is None else body.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadRequest(f"{package} is no package of documents: {error}") from error
    return members
