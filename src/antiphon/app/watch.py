"""Notices that files of the configuration have changed."""

from pathlib import Path

from antiphon.config.load import BUILT_IN_NAME, Loaded
from antiphon.policy.source import files_of

Stamp = tuple[int, int, int]


def source(loaded: Loaded) -> Path | None:
    """The file that a configuration was read from; None for the built-in one."""
    return None if loaded.file == BUILT_IN_NAME else Path(loaded.file)


class Watch:
    """Compares files with what they were. The content counts only when size, time or inode differ."""

    def __init__(self, loaded: Loaded, before: "Watch | None" = None) -> None:
        """`before`: what last looked before this was read. What was changed since, amid the reading too, has then changed."""
        tls = loaded.settings.server.tls
        path = source(loaded)
        files = [path] if path is not None else []
        if tls is not None:
            files += [Path(tls.cert_file), Path(tls.key_file)]
            files += [Path(tls.client_ca_file)] if tls.client_ca_file else []
        self._files = tuple(files)
        self._patterns = (*loaded.settings.policy.files, *loaded.settings.agents.documents)
        known = {} if before is None else before.stamps
        self.stamps = {file: known.get(file, stamp) for file, stamp in self._look().items()}

    def changed(self) -> bool:
        """Whether any file differs from when it was last looked at."""
        fresh = self._look()
        differs = fresh != self.stamps
        self.stamps = fresh
        return differs

    def _look(self) -> dict[Path, Stamp | None]:
        """The files as they are; policies and documents may come and go, where a pattern names them."""
        return {file: _stamp(file) for file in (*self._files, *files_of(self._patterns))}


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
