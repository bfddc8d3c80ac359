"""Which lab models answer from recorded outcomes, and their tables, each read at its first request."""

import asyncio
from pathlib import Path

from antiphon.core.error import ConfigError, NotFound, Problem
from antiphon.providers.lab.parquet import load_parquet, require
from antiphon.providers.lab.replay import Outcome, Table, load_lines, prompt_hash, unreadable
from antiphon.providers.lab.settings import LabSettings


class Tables:
    """Recorded outcomes of one lab's models. A table stays in memory once it was read."""

    def __init__(self, settings: LabSettings, base: Path | None) -> None:
        """`base` is the folder that relative paths start from; None: the working folder."""
        self._files = {
            name: ((base or Path()) / model.replay, model.replay_model or name)
            for name, model in settings.models.items()
            if model.replay is not None
        }
        self._tables: dict[str, asyncio.Task[Table]] = {}

    def check(self) -> None:
        """See that the files are there and of a known kind. Raises: ConfigError, with all that is wrong."""
        problems: list[Problem] = []
        for path, _ in self._files.values():
            try:
                _check(path)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)

    async def find(self, model: str, prompt: str) -> Outcome | None:
        """The recorded outcome; None when this model makes its answers up.

        Raises: NotFound when the prompt was not recorded, ConfigError when the file can't be used.
        """
        file = self._files.get(model)
        if file is None:
            return None
        task = self._tables.get(model)
        if task is None:
            task = self._tables[model] = asyncio.create_task(asyncio.to_thread(_load, *file))
        table = await asyncio.shield(task)
        found = table.get(prompt_hash(prompt))
        if found is None:
            raise NotFound(
                f"no recorded outcome of {file[1]!r} for this prompt among {len(table)} in {file[0].name}; this lab "
                "model replays and makes nothing up: ask a recorded prompt as the last user message",
                code="prompt_not_recorded",
                param="messages",
            )
        return found


def _check(path: Path) -> None:
    if not path.is_file():
        raise unreadable(path, 0, "there is no such file")
    if path.suffix == ".parquet":
        require()
    elif not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise unreadable(path, 0, "the name doesn't say what it is")


def _load(path: Path, model: str) -> Table:
    _check(path)
    return load_parquet(path, model) if path.suffix == ".parquet" else load_lines(path, model)
