"""Text into a tree, by precedence climbing. Source: cel-spec, doc/langdef.md, Syntax."""

from antiphon.expr import tree
from antiphon.expr.error import ExpressionError
from antiphon.expr.kinds import INT_MOST
from antiphon.expr.literal import number, string
from antiphon.expr.token import Token, tokens
from antiphon.expr.tree import BINARY, CHOOSE, INDEX, Call, Listed, Literal, Name, Node, below

MAX_CHARACTERS = 16_384
"""Of an expression's text."""
MAX_DEPTH = 64
"""Of its tree. CEL asks for 32 at least."""
MAX_NESTED = 100
"""Of parentheses, right operands and branches within each other while it is read: each takes up to five frames."""
MAX_ITEMS = 1000
"""Of a list, of a call, and of operands of `&&` or `||` in a row."""
RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace null package return true var void while".split()  # noqa: SIM905
)


def parse(text: str) -> Node:
    """The tree of an expression. Raises: ExpressionError."""
    if len(text) > MAX_CHARACTERS:
        remedy = f"at most {MAX_CHARACTERS}: take it apart, or use lists (`in [...]`)"
        raise ExpressionError(text, MAX_CHARACTERS, f"it has {len(text)} characters", remedy)
    reader = _Reader(text)
    found = reader.expression()
    reader.end()
    _shallow(found, text)
    return found


def _shallow(root: Node, text: str) -> None:
    """Refuse what is nested too deeply to be walked."""
    level: list[Node] = [root]
    for _ in range(MAX_DEPTH):
        level = [node for parent in level for node in below(parent)]
        if not level:
            return
    raise ExpressionError(text, level[0].at, f"it is nested over {MAX_DEPTH} deep", "take the expression apart")


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tuple(tokens(text))
        self._next = 0
        self._nested = 0

    def end(self) -> None:
        if self._token.sort != "end":
            raise self._wrong("nothing may stand here", "put an operator such as `&&` before it, or leave it out")

    def expression(self) -> Node:
        """Whole: with `? :`."""
        condition = self._binary(1)
        token = self._token
        if not self._take("?"):
            return condition
        yes = self._binary(1)
        self._need(":", "write `condition ? value : other`")
        self._deeper()
        no = self.expression()
        self._nested -= 1
        return Call(token.at, CHOOSE, (condition, yes, no))

    def _binary(self, least: int) -> Node:
        """Operands with signs that bind at least so strongly. Rows of one logical sign become one call."""
        self._deeper()
        left = self._unary()
        grown = ""
        while True:
            token = self._token
            power, function = BINARY.get(token.text, (0, "")) if token.sort in ("sign", "name") else (0, "")
            if power < max(least, 1):
                break
            self._next += 1
            right = self._binary(power + 1)
            if isinstance(left, Call) and function == grown and function in (tree.AND, tree.OR):
                left = Call(left.at, function, self._bounded((*left.args, right), token))
            else:
                left = Call(token.at, function, (left, right))
            grown = function
        self._nested -= 1
        return left

    def _unary(self) -> Node:
        signs: list[Token] = []
        while self._token.sort == "sign" and self._token.text in ("!", "-"):
            signs.append(self._token)
            self._next += 1
        if len(signs) > MAX_DEPTH:
            raise self._wrong(f"over {MAX_DEPTH} signs stand before it", "leave most of them out")
        negative = bool(signs) and signs[-1].text == "-" and self._token.sort in ("int", "double")
        found = self._member(negative=negative)
        for sign in reversed(signs[:-1] if negative else signs):
            found = Call(sign.at, f"{sign.text}_", (found,))
        return found

    def _member(self, *, negative: bool) -> Node:
        found = self._primary(negative=negative)
        while True:
            token = self._token
            if self._take("."):
                found = self._selected(found, token)
            elif self._take("["):
                found = Call(token.at, INDEX, (found, self.expression()))
                self._need("]", "close what was opened with `[`")
            else:
                return found

    def _selected(self, found: Node, dot: Token) -> Node:
        token = self._token
        if token.sort not in ("name", "quoted"):
            raise self._wrong("a name has to stand after the dot", "write a fact's name or a function")
        self._next += 1
        if token.sort == "name" and self._take("("):
            return Call(token.at, token.text, self._items(")"), found)
        if isinstance(found, Name):
            return Name(found.at, (*found.parts, token.text.strip("`")))
        message = f"there is no field `{token.text}`: only facts have dotted names"
        raise ExpressionError(self._text, dot.at, message, f"write `.{token.text}(…)` to call it", token=token.text)

    def _primary(self, *, negative: bool) -> Node:
        token = self._token
        self._next += 1
        match token.sort:
            case "int" | "double":
                return Literal(token.at, self._signed(token, negative=negative))
            case "string" | "raw":
                return Literal(token.at, string(token, self._text))
            case "name":
                return self._named(token)
            case "sign" if token.text == "(":
                found = self.expression()
                self._need(")", "close what was opened with `(`")
                return found
            case "sign" if token.text == "[":
                return Listed(token.at, self._items("]"))
            case _:
                self._next -= 1
                raise self._wrong("a value has to stand here", "write a fact, a literal, a list or a call")

    def _signed(self, token: Token, *, negative: bool) -> int | float:
        value = number(token, self._text)
        if value == INT_MOST + 1 and token.sort == "int" and not negative:
            raise ExpressionError(
                self._text, token.at, "it is over the range of int", f"at most {INT_MOST}", token=token.text
            )
        return -value if negative else value

    def _named(self, token: Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.at, token.text == "true")
        if token.text in RESERVED:
            remedy = "write has(fact) for whether it is known" if token.text == "null" else "it names nothing here"
            raise ExpressionError(self._text, token.at, "the word is reserved", remedy, token=token.text)
        if self._take("("):
            return Call(token.at, token.text, self._items(")"))
        return Name(token.at, (token.text,))

    def _items(self, end: str) -> tuple[Node, ...]:
        """Expressions between commas, up to `end`; a list may have a comma before it."""
        opened = self._tokens[self._next - 1]
        found: list[Node] = []
        while not self._take(end):
            if found:
                self._need(",", f"separate with `,`, close with `{end}`")
                if end == "]" and self._take(end):
                    break
            found.append(self.expression())
            self._bounded(found, opened)
        return tuple(found)

    def _bounded(self, items: tuple[Node, ...] | list[Node], token: Token) -> tuple[Node, ...]:
        if len(items) > MAX_ITEMS:
            raise ExpressionError(
                self._text, token.at, f"over {MAX_ITEMS} items in a row", "use fewer, or two expressions"
            )
        return tuple(items)

    def _deeper(self) -> None:
        self._nested += 1
        if self._nested > MAX_NESTED:
            raise self._wrong(f"it is nested over {MAX_NESTED} deep", "take the expression apart")

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self, sign: str) -> bool:
        """Whether this sign stands here; it is passed over then."""
        found = self._token.sort == "sign" and self._token.text == sign
        self._next += found
        return found

    def _need(self, sign: str, remedy: str) -> None:
        if not self._take(sign):
            raise self._wrong(f"`{sign}` has to stand here", remedy)

    def _wrong(self, wrong: str, remedy: str) -> ExpressionError:
        token = self._token
        if token.sort == "end":
            wrong = f"the expression ends, where {wrong.replace(' here', '')}"
        return ExpressionError(self._text, token.at, wrong, remedy, token=token.text[:40])
