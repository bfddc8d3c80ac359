"""How long texts are."""

from collections.abc import Sequence

from antiphon.guards.port import Detector, Granularity, Match
from antiphon.guards.settings_content import LengthSettings

BYTES_OF_A_TOKEN = 4


class LengthDetector(Detector):
    """What is beyond the limit is the match."""

    granularity: Granularity = "whole"

    def __init__(self, settings: LengthSettings) -> None:
        self._characters = settings.characters
        self._tokens = settings.tokens

    def find(self, text: str) -> Sequence[Match]:
        if self._characters is not None and len(text) > self._characters:
            return (Match(self._characters, len(text), "length", "length.characters"),)
        if self._tokens is not None and len(text) > self._tokens:
            raw = text.encode("utf-8", "surrogatepass")
            most = self._tokens * BYTES_OF_A_TOKEN
            if len(raw) > most:
                return (Match(len(raw[:most].decode("utf-8", "ignore")), len(text), "length", "length.tokens"),)
        return ()
