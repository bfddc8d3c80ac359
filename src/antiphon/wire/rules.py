"""Losses that are the same whatever the target, so that all encoders tell of them alike.

Adapted is what no answer depends on: a provider that has no such thing answers as if it had been sent.
"""

from antiphon.wire.losses import LEFT_OUT, Losses

ITSELF = "left out; the provider caches by itself"


def no_cache_mark(losses: Losses, path: str, who: str, *, itself: bool = True) -> None:
    """A mark of what is to be cached. It changes what an answer costs, and not the answer.

    Args:
        path: Of what is marked.
        itself: The provider caches without marks too.
    """
    losses.add(f"{path}.cache_control", f"{who} takes no marks", ITSELF if itself else LEFT_OUT, adapted=True)


def no_cache_key(losses: Losses, who: str) -> None:
    """A key by which cached prompts are found: as a mark."""
    losses.add("prompt_cache_key", f"{who} finds cached prompts by itself", LEFT_OUT, adapted=True)


def no_failure_mark(losses: Losses, path: str, who: str) -> None:
    """A tool's result is marked as failed. Its text says so too, and that is what models read."""
    losses.add(
        f"{path}.is_error", f"{who} has no mark for a tool's failure", "left out; the text tells it", adapted=True
    )


def no_thoughts(losses: Losses, path: str, who: str, *, own: bool = True) -> None:
    """Thoughts of earlier turns, of another provider or of no one who could prove them. No provider wants them.

    Args:
        own: It takes its own ones.
    """
    losses.add(path, f"{who} takes no thoughts back{' but its own' if own else ''}", LEFT_OUT, adapted=True)


def no_proof(losses: Losses, path: str, who: str) -> None:
    """Another provider's proof, of a text, a call or of thoughts that are sent themselves."""
    losses.add(f"{path}.signature", f"{who} needs no proof but its own", "sent without it", adapted=True)


def no_metadata(losses: Losses, why: str) -> None:
    """A caller's labels are for whoever looks at a log: no model reads them."""
    losses.add("metadata", why, LEFT_OUT, adapted=True)


def no_showing(losses: Losses, why: str, *, shown: bool, asked: bool = True) -> None:
    """Thoughts are told or not, whatever was asked for. Whoever asks for thoughts and gets none has lost them.

    Args:
        shown: They are wanted.
        asked: The caller says so itself; else it only follows from what it says.
    """
    losses.add("reasoning_shown", why, LEFT_OUT, adapted=not (shown and asked))
