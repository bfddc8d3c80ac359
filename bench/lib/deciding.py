"""Whole decisions of routes: facts of a real request of about 1 KB, rules, candidates, an objective."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from antiphon.core.body import Body
from antiphon.core.chance import Likely
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.view import Quality, Slice, Standing
from antiphon.routing.decide import decide
from antiphon.routing.environment import environment
from antiphon.routing.program import Program, program
from antiphon.routing.roster import Roster
from antiphon.routing.route import Route
from antiphon.routing.settings_rules import RuledSettings
from antiphon.signals.about import About
from antiphon.signals.catalogue import environment as catalogue
from antiphon.signals.extractor import Extractor
from antiphon.signals.settings import SignalSettings
from antiphon.wire.codec import Codec
from antiphon.wire.codecs import CODECS

WORDS = (
    "the invoice for our last order shows two different amounts and the customer wants to know which of them is right "
    "before the end of the week so please compare the line items with the contract and say what should be refunded"
).split()
KEYWORDS = tuple(f"{word}-{number}" for number, word in enumerate(("outage", "refund", "breach", "lawsuit", "urgent") * 10))
BOUND_US = {10: 15.0, 200: 50.0}
"""Of one decision, by its rules."""
