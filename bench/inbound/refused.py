"""What the listener refuses by itself, and an adapter has to."""

from __future__ import annotations


class Refused(Exception):
    """Status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def too_long(most_bytes: int) -> Refused:
    return Refused(413, f"the body is longer than {most_bytes} bytes")


def too_slow() -> Refused:
    return Refused(408, "the body did not come in time; send it faster")
