"""The one error of the bench."""


class BenchError(Exception):
    """The bench can't go on; the message says why and what to do."""
