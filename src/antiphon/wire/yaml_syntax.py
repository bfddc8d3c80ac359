"""What is said of text that is not YAML."""

import re

import yaml as pyyaml

from antiphon.core.error import Problem

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2.2, section 5.1, does not allow."""
REMEDIES = {
    "cannot start any token": "indent with spaces, not tabs; put text that begins with a sign like @ or ` in quotes",
    "mapping values are not allowed": "put text that holds a colon and a space in quotes, or mend the indentation",
    "expected ':'": "write `key: value`, with a space behind the colon",
    "unexpected end of stream": "close the quote or bracket",
}
SYNTAX = "(syntax)"


def unprintable(text: str, file: str) -> Problem | None:
    """The first character that YAML does not allow."""
    strange = UNPRINTABLE.search(text)
    if strange is None:
        return None
    line = text.count("\n", 0, strange.start()) + 1
    wrong = f"character U+{ord(strange[0]):04X} is not allowed"
    return Problem(file=file, line=line, path=SYNTAX, wrong=wrong, remedy="leave it out, or write it as an escape")


def syntax(error: pyyaml.YAMLError, text: str, file: str) -> Problem:
    """The parser's complaint, in its line, with what to write."""
    marked = error if isinstance(error, pyyaml.MarkedYAMLError) else pyyaml.MarkedYAMLError()
    mark = marked.problem_mark or marked.context_mark
    wrong = marked.problem or marked.context or "this is not YAML"
    remedy = next((said for part, said in REMEDIES.items() if part in wrong), "mend the YAML here or just above")
    line = min(mark.line + 1 if mark else 1, text.rstrip("\n").count("\n") + 1)
    return Problem(file=file, line=line, path=SYNTAX, wrong=wrong, remedy=remedy)
