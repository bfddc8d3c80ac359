"""Who answered each session last, as one worker saw it."""

from antiphon.core.chance import Previous

MOST = 20_000
"""Sessions that are kept; the oldest go first."""


class Sessions:
    """By tenant and session. What other workers answered is not known here: callers that need it stick by `sticky`."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Previous] = {}

    def find(self, tenant: str, session: str) -> Previous | None:
        """Who answered last; None: that isn't known."""
        return self._known.get((tenant, session)) if session else None

    def answered(self, tenant: str, session: str, deployment: str, tokens: int, now_ns: int) -> None:
        """Take in who answered, whose provider is taken to keep the prompt.

        Args:
            tokens: Of the prompt.
        """
        known = self._known
        known.pop((tenant, session), None)
        known[tenant, session] = Previous(deployment=deployment, cached_tokens=tokens, at_ns=now_ns)
        if len(known) > MOST:
            del known[next(iter(known))]
