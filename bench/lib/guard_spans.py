"""Recorded texts with personal data and secrets, and how findings are counted on them."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from antiphon.guards.pii import PiiDetector
from antiphon.guards.pii_kinds import NAMES
from antiphon.guards.port import Detector
from antiphon.guards.settings_pii import PiiSettings

STRUCTURED = {
    "CREDIT_CARD": "payment_card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip_address",
    "PHONE_NUMBER": "phone",
}
"""Types of `pii_spans` that count as structured, with our kinds: those of the published protocol."""
MORE = {"US_DRIVER_LICENSE": "driver_licence", "DATE_TIME": "date_of_birth", "DOMAIN_NAME": "url"}
"""Types with some structure that the protocol leaves out."""
UNIT = {
    "ABA_ROUTING_NUMBER": "us_aba_routing",
    "CREDIT_CARD": "payment_card",
    "CRYPTO": "crypto_address",
    "DE_FUEHRERSCHEIN": "de_driver_licence",
    "DE_HANDELSREGISTER": "de_register",
    "DE_KFZ": "de_vehicle",
    "DE_PLZ": "de_postcode",
    "DE_VAT_ID": "de_vat",
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "IN_VEHICLE_REGISTRATION": "in_vehicle",
    "IT_VAT_CODE": "it_vat",
    "KR_DRIVER_LICENSE": "kr_driver_licence",
    "MEDICAL_LICENSE": "us_dea",
    "SG_NRIC_FIN": "sg_nric",
    "US_BANK_NUMBER": "bank_account",
    "US_DRIVER_LICENSE": "driver_licence",
    "US_PASSPORT": "passport",
    "ZA_ID_NUMBER": "za_id",
    "fi_personal_identity_code": "fi_identity_code",
    "it_driver_license": "it_driver_licence",
    "ng_vehicle_registration": "ng_vehicle",
    "ph_mobile_number": "phone",
    "se_organisationsnummer": "se_organisation",
    "tr_license_plate": "tr_vehicle",
    "tr_phone_number": "phone",
    "uk_vehicle_registration": "uk_vehicle",
}
"""Recognisers of `pii_unit` whose kind has another name here; DATE_TIME and those for names have none."""
Row = dict[str, Any]


def rows(data: Path, name: str) -> list[Row]:
    """Of `DIR/guard/NAME.jsonl.gz`."""
    with gzip.open(data / "guard" / f"{name}.jsonl.gz") as lines:
        return [msgspec.json.decode(line) for line in lines]


def tuned_on(text: str) -> bool:
    """It is in the half that was looked at while rules were written."""
    return int(sha256(text.encode()).hexdigest()[:8], 16) % 2 == 0


class Counts:
    """Hits, false findings and misses of one kind."""

    def __init__(self) -> None:
        self.hits = self.false = self.missed = 0

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.false + self.missed)


def spans(detector: Detector, texts: Iterable[Row], types: Mapping[str, str]) -> tuple[dict[str, Counts], Counter[str]]:
    """By kind, and findings of other kinds. A finding hits a span of its kind of which it shares half of the union."""
    counts = {kind: Counts() for kind in types.values()}
    other: Counter[str] = Counter()
    for row in texts:
        wanted = [(start, end, types[name]) for start, end, name in row["spans"] if name in types]
        for match in detector.find(row["text"]):
            hit = next((one for one in wanted if one[2] == match.kind and _half(one, match.start, match.end)), None)
            if hit is not None:
                wanted.remove(hit)
                counts[match.kind].hits += 1
            elif match.kind in counts:
                counts[match.kind].false += 1
            else:
                other[match.kind] += 1
        for _, _, kind in wanted:
            counts[kind].missed += 1
    return counts, other


def _half(span: tuple[int, int, str], start: int, end: int) -> bool:
    both = min(span[1], end) - max(span[0], start)
    return 2 * both >= max(span[1], end) - min(span[0], start)


def summed(counts: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in counts:
        total.hits, total.false, total.missed = (
            total.hits + one.hits,
            total.false + one.false,
            total.missed + one.missed,
        )
    return total


def unit(texts: Sequence[Row]) -> tuple[int, int, int, Counter[str]]:
    """Cases with the number of findings that they say, of how many, of how many recognisers; and those left out."""
    right = total = 0
    seen: set[str] = set()
    left_out: Counter[str] = Counter()
    detectors: dict[str, PiiDetector] = {}
    for row in texts:
        entity = row["entity"] if isinstance(row["entity"], str) else row["recognizer"]
        kind = UNIT.get(entity, entity.lower())
        if kind not in NAMES:
            left_out[entity] += 1
            continue
        if kind not in detectors:
            detectors[kind] = PiiDetector(PiiSettings(types=[kind], context="any"))
        seen.add(entity)
        total += 1
        right += len(detectors[kind].find(row["text"])) == row["n"]
    return right, total, len(seen), left_out
