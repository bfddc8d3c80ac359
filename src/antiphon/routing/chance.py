"""What is expected of a candidate before it is asked."""

from antiphon.core.chance import Chance, Likely, Previous

__all__ = ["Chance", "Likely", "Previous"]
