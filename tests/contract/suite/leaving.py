"""Seeing at the lab that a caller who left took its upstream's request along."""

import json
import urllib.request

from antiphon.providers.lab.run import Running
from rig.wait import until
from suite.places import MODELS


def assert_left(lab: Running, up: str) -> None:
    """The last request to the slow model of an upstream was given up by the gateway."""
    model = f"{MODELS[up]}-slow"

    def left() -> bool:
        with urllib.request.urlopen(f"{lab.url}/lab/requests?model={model}&last=1") as said:
            records = json.load(said)
        return bool(records) and records[-1]["left_early"]

    until(left, f"the lab sees that the caller of {model} left")
