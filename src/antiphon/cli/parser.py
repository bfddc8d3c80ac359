"""An argument parser that can tell what it takes, so that the reference is written from it."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn, cast


class Parser(argparse.ArgumentParser):
    """One command, and those beneath it. Options can't be abbreviated: new ones would break scripts."""

    def beneath(self, *commands: tuple[str, str, "Callable[[Parser], None]"]) -> None:
        """Add commands: name, help, and what fills the command's parser."""
        added = self.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for name, said, fill in commands:
            one = added.add_parser(
                name,
                help=said,
                description=f"{said[0].upper()}{said[1:]}.",
                allow_abbrev=False,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            fill(one)

    def runs(self, module: str, verb: str = "") -> None:
        """Name the module of `antiphon.cli` that runs this command."""
        self.set_defaults(module=module, verb=verb, parser=self)

    @property
    def commands(self) -> "dict[str, Parser]":
        """Commands beneath this one, by name."""
        return {name: one for action in self._actions for name, one in _beneath(action).items()}

    @property
    def takes(self) -> list[argparse.Action]:
        """Its own arguments and options."""
        return [action for action in self._actions if not _beneath(action)]

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments: usage and remedy on stderr, exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{message}; see `{self.prog} --help`\n")


def _beneath(action: argparse.Action) -> dict[str, Parser]:
    """The commands that an action leads to; most lead to none."""
    choices = cast("object", action.choices)
    return cast("dict[str, Parser]", choices) if isinstance(choices, dict) else {}
