"""`antiphon config apply`: documents of agents, published by the admin API."""

from argparse import Namespace

from antiphon.cli import text
from antiphon.cli.admin import Json, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.documents import read_files
from antiphon.core.error import BadRequest, ConfigError
from antiphon.policy.source import files_of


def run(arguments: Namespace) -> int:
    """Publish the documents of files, or tell what would be done. Raises: ConfigError, AntiphonError."""
    read = read_files([str(file) for file in files_of(arguments.files)], None)
    if read.problems:
        raise ConfigError(read.problems)
    if not read.documents:
        raise BadRequest("there is no document in these files; name files that begin with `apiVersion:`")
    there = office(arguments)
    fields: Json = {"documents": [one.raw for one in read.documents], "check": arguments.check}
    answer = there.ask("POST", path_of("documents", "apply"), fields)
    if arguments.json:
        document(answer)
        return Exit.OK
    rows = [(f"{'+' if one['state'] == 'new' else '='} {one['id']}", one["digest"][:16]) for one in answer["data"]]
    put("\n".join(text.table(rows, ("DOCUMENT", "DIGEST"))))
    made = sum(one["state"] == "new" for one in answer["data"])
    say(f"{text.counted(made, 'document')} {'would be published' if arguments.check else 'published'}.")
    there.told(answer)
    return Exit.OK
