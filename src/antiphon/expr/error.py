"""Why an expression can't be taken."""


class ExpressionError(Exception):
    """One mistake in an expression: where, what is wrong, what to write."""

    def __init__(self, text: str, offset: int, wrong: str, remedy: str, *, token: str = "") -> None:
        """`offset` counts characters of `text` from 0; `token` is what stands there."""
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        """Both from 1."""
        self.offset, self.wrong, self.remedy, self.token = offset, wrong, remedy, token
        where = f"at `{token}`, " if token else ""
        self.message = f"{where}line {self.line}, column {self.column}: {wrong}; {remedy}"
        super().__init__(self.message)


class Failure(Exception):
    """An expression has no value, as when it divides by zero. The message says why."""


class Unknown(Exception):
    """An expression has no value, as facts that it needs are unknown."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = names
