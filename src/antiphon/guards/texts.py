"""The texts of requests and answers, in whichever dialect, and their edits."""

from collections.abc import Sequence

from antiphon.core.body import Body
from antiphon.core.request import Request
from antiphon.guards.port import Edit, Text

TextEdits = Sequence[tuple[int, Sequence[Edit]]]
"""(place of the text, its edits in order), as `Screened.edits` has them."""


class Texts:
    """The texts of a body."""

    items: list[Text]

    def edited(self, edits: TextEdits) -> Body:
        """The body with these edits made: nothing else of it changes in meaning."""
        raise NotImplementedError


def texts_of(request: Request) -> Texts:
    """Every text of a request. Blocks for about 15 ms a megabyte. Raises: BadRequest."""
    raise NotImplementedError


def edited_request(request: Request, edits: TextEdits, texts: Texts | None = None) -> Request:
    """The request with its texts edited. Raises: BadRequest.

    Args:
        texts: Those of the request, where they are known already.
    """
    raise NotImplementedError


def answer_texts(body: bytes, dialect: str, operation: str = "") -> Texts:
    """Every text of a whole answer; of a dialect that is not known, all strings. Raises: BadRequest, where it can't be read."""
    raise NotImplementedError
