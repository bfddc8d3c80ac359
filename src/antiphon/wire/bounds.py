"""Bounds of what a caller may say, and of how much of it is read at once, whichever dialect it is in."""

TOKENS_A_SLICE = 2000
"""About one millisecond of scanning."""
MAX_NAME = 256
"""Most characters of a model's name, and of what is kept of a user's."""
MAX_COUNT = 1_000_000_000
"""Above what any model gives: more answers or tokens than this are a mistake."""
LONG_BYTES = 262_144
"""From this size on a body is scanned in slices rather than parsed at once, so that no other request waits."""
