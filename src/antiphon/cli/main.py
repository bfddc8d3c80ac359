"""The `antiphon` command: reads the arguments, then loads only what the chosen command needs.

Data goes to stdout, with `--json` as one JSON document; everything for people goes to stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from antiphon import __version__
from antiphon.cli.exits import Exit

Arguments = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit code, see `cli.exits.Exit`."""
    parsed = parser().parse_args(arguments)
    command = import_module(f"antiphon.cli.{parsed.module}")
    try:
        return int(command.run(parsed))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return Exit.FAILED


def parser() -> argparse.ArgumentParser:
    """Every command, option and argument."""
    top = argparse.ArgumentParser(
        prog="antiphon",
        description="A control plane for systems built on many language models.",
        epilog="Exit codes: " + "; ".join(f"{code.value} {code.meaning}" for code in Exit) + ".",
    )
    top.add_argument("--version", action="version", version=f"antiphon {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _serve(commands)
    _chat(commands)
    _models(commands)
    _receipt(commands)
    _config(commands)
    _lab(commands)
    _doctor(commands)
    _version(commands)
    return top


Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: Commands, name: str, module: str, help: str) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=help, description=help)
    one.set_defaults(module=module)
    return one


def _config_option(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )


def _json_option(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def _remote_options(one: argparse.ArgumentParser) -> None:
    one.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway (default: %(default)s)")
    one.add_argument("--key", metavar="KEY", help="API key (default: none; better in the variable ANTIPHON_KEY)")


def _serve(commands: Commands) -> None:
    one = _command(commands, "serve", "serve", "run the gateway")
    _config_option(one)
    one.add_argument("--host", help="address to listen on, in place of server.host")
    one.add_argument("--port", type=int, help="port to listen on, in place of server.port")
    one.add_argument("--workers", type=int, help="worker processes, in place of server.workers")
    one.add_argument("--insecure", action="store_true", help="listen beyond loopback although no key is set")


def _chat(commands: Commands) -> None:
    one = _command(commands, "chat", "chat", "ask a model through a gateway, and see what the answer took")
    one.add_argument("prompt", nargs="?", help="what to ask (default: read stdin; on a terminal, converse)")
    one.add_argument("--model", default="auto", help="public model name (default: %(default)s)")
    one.add_argument("--system", help="a system message")
    one.add_argument("--max-tokens", type=int, help="most output tokens")
    one.add_argument("--session", help="name of the session, for receipts")
    one.add_argument("--timeout", type=float, default=600.0, help="seconds for the whole answer (default: %(default)s)")
    _remote_options(one)
    _json_option(one)


def _models(commands: Commands) -> None:
    one = _command(commands, "models", "models", "list the models that a gateway offers")
    _remote_options(one)
    _json_option(one)


def _receipt(commands: Commands) -> None:
    one = commands.add_parser("receipt", help="show receipts", description="show receipts")
    verbs = one.add_subparsers(metavar="VERB", required=True)
    show = _command(verbs, "show", "receipt", "show one receipt, from the data directory or from a gateway")
    which = show.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", help="the receipt's id")
    which.add_argument("--last", action="store_true", help="the newest one")
    show.add_argument("--content", action="store_true", help="show captured content too (local only)")
    show.add_argument("--url", help="ask this gateway, rather than the data directory")
    show.add_argument("--key", metavar="KEY", help="API key for --url (better in the variable ANTIPHON_KEY)")
    _config_option(show)
    _json_option(show)


def _config(commands: Commands) -> None:
    one = commands.add_parser("config", help="check, show and compare configurations")
    verbs = one.add_subparsers(metavar="VERB", required=True)
    for verb, help in (
        ("check", "tell every mistake, each with its line and remedy"),
        ("show", "print the configuration as it is understood, secrets hidden"),
    ):
        command = _command(verbs, verb, "config", help)
        command.set_defaults(verb=verb)
        _config_option(command)
        _json_option(command)
    command = _command(verbs, "diff", "config", "compare two configurations")
    command.set_defaults(verb="diff")
    command.add_argument("old", metavar="OLD")
    command.add_argument("new", metavar="NEW")
    _json_option(command)
    command = _command(verbs, "schema", "config", "print the JSON Schema of the configuration")
    command.set_defaults(verb="schema")


def _lab(commands: Commands) -> None:
    one = commands.add_parser("lab", help="simulated models")
    verbs = one.add_subparsers(metavar="VERB", required=True)
    serve = _command(verbs, "serve", "lab", "run lab models as an HTTP server of their own")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8090, help="port to listen on, 0 for a free one (default: %(default)s)")
    serve.add_argument("--models", metavar="FILE", help="YAML of lab models (default: lab-fast, lab-balanced, lab-premium)")


def _doctor(commands: Commands) -> None:
    one = _command(commands, "doctor", "doctor", "look for what keeps a gateway from working, and say what to do")
    one.add_argument("--profiles", action="store_true", help="list the known providers instead")
    _config_option(one)
    _json_option(one)


def _version(commands: Commands) -> None:
    one = _command(commands, "version", "version", "print versions of Antiphon and of what it runs on")
    _json_option(one)
