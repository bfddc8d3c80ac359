"""Spend in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification.

A row is one day's use of one deployment by one key with its tags. What has no price has no row, since a cost may not be
empty there and 0 would be wrong: it is counted apart. Source: focus.finops.org/focus-specification/v1-2, 2026-11.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from antiphon.store.parquet_rows import Row, Tried

Value = str | Decimal | int | datetime | None
FocusKind = Literal["string", "money", "int64", "time"]
COLUMNS: tuple[tuple[str, FocusKind], ...] = (
    ("BilledCost", "money"),
    ("BillingAccountId", "string"),
    ("BillingAccountName", "string"),
    ("BillingCurrency", "string"),
    ("BillingPeriodEnd", "time"),
    ("BillingPeriodStart", "time"),
    ("ChargeCategory", "string"),
    ("ChargeClass", "string"),
    ("ChargeDescription", "string"),
    ("ChargeFrequency", "string"),
    ("ChargePeriodEnd", "time"),
    ("ChargePeriodStart", "time"),
    ("ConsumedQuantity", "money"),
    ("ConsumedUnit", "string"),
    ("ContractedCost", "money"),
    ("EffectiveCost", "money"),
    ("InvoiceIssuerName", "string"),
    ("ListCost", "money"),
    ("PricingCategory", "string"),
    ("PricingQuantity", "money"),
    ("PricingUnit", "string"),
    ("ProviderName", "string"),
    ("PublisherName", "string"),
    ("RegionId", "string"),
    ("RegionName", "string"),
    ("ResourceId", "string"),
    ("ResourceName", "string"),
    ("ResourceType", "string"),
    ("ServiceCategory", "string"),
    ("ServiceName", "string"),
    ("ServiceSubcategory", "string"),
    ("SkuId", "string"),
    ("SkuMeter", "string"),
    ("SkuPriceId", "string"),
    ("SubAccountId", "string"),
    ("SubAccountName", "string"),
    ("SubAccountType", "string"),
    ("Tags", "string"),
    ("x_Attempts", "int64"),
    ("x_InputTokens", "int64"),
    ("x_OutputTokens", "int64"),
    ("x_CachedInputTokens", "int64"),
    ("x_Zone", "string"),
)
"""Names and kinds; those of our own begin with `x_`, as the specification asks."""
NANO = 9
"""Decimals of a cost."""


class Used(Struct, frozen=True, order=True):
    """What a row is about."""

    tenant: str
    provider: str
    deployment: str
    model: str
    region: str
    zone: str
    tags: tuple[tuple[str, str], ...]


class _Sum(Struct):
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_nano_usd: int = 0


class Charges(Struct, frozen=True, kw_only=True):
    """The rows of a day, each in the order of `COLUMNS`."""

    rows: list[tuple[Value, ...]]
    unpriced: int
    """Attempts that have no row: they have no price, or nobody said what they used."""


def charges(day: date, receipts: Iterable[Row]) -> Charges:
    """Sum a day's receipts up."""
    sums: defaultdict[Used, _Sum] = defaultdict(_Sum)
    unpriced = 0
    for row in receipts:
        for one in row.attempts:
            if one.cost_nano_usd is not None:
                _add(sums[_used(row, one)], one)
            elif one.unpriced or (one.unmeasured and row.unmeasured):
                unpriced += 1
    return Charges(rows=[_charge(day, used, sums[used]) for used in sorted(sums)], unpriced=unpriced)


def _used(row: Row, one: Tried) -> Used:
    who = row.principal
    tags = {
        "team": who.team,
        "department": who.department,
        "user": who.user,
        "key": who.key,
        "model": row.asked,
        "route": row.plan.route,
        "tier": one.tier,
        **{f"tag/{tag}": "true" for tag in who.tags},
    }
    return Used(
        tenant=who.tenant,
        provider=one.provider,
        deployment=one.deployment,
        model=one.model,
        region=one.region,
        zone=one.zone,
        tags=tuple(sorted((name, value) for name, value in tags.items() if value)),
    )


def _add(into: _Sum, one: Tried) -> None:
    into.attempts += 1
    into.cost_nano_usd += one.cost_nano_usd or 0
    if one.usage is not None:
        into.input_tokens += one.usage.input_tokens
        into.output_tokens += one.usage.output_tokens
        into.cached_tokens += one.usage.cached_tokens


def _charge(day: date, used: Used, found: _Sum) -> tuple[Value, ...]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    month = start.replace(day=1)
    cost = Decimal(found.cost_nano_usd).scaleb(-NANO)
    tokens = found.input_tokens + found.output_tokens
    quantity, unit = (Decimal(tokens), "Tokens") if tokens else (Decimal(found.attempts), "Requests")
    sku = f"{used.provider}/{used.model}"
    values: dict[str, Value] = {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost),
        **dict.fromkeys(("BillingAccountId", "BillingAccountName"), used.provider),
        **dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName"), used.provider),
        **dict.fromkeys(("RegionId", "RegionName"), used.region or None),
        **dict.fromkeys(("ResourceId", "ResourceName"), used.deployment),
        **dict.fromkeys(("SkuId", "SkuPriceId"), sku),
        **dict.fromkeys(("SubAccountId", "SubAccountName"), used.tenant),
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), quantity),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), unit),
        "BillingCurrency": "USD",
        "BillingPeriodStart": month,
        "BillingPeriodEnd": (month + timedelta(days=32)).replace(day=1),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": start + timedelta(days=1),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{used.model} at {used.provider}",
        "ChargeFrequency": "Usage-Based",
        "PricingCategory": "Standard",
        "ResourceType": "Model deployment",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": used.provider,
        "ServiceSubcategory": "Generative AI",
        "SkuMeter": unit,
        "SubAccountType": "Tenant",
        "Tags": json.dumps(dict(used.tags), ensure_ascii=False),
        "x_Attempts": found.attempts,
        "x_InputTokens": found.input_tokens,
        "x_OutputTokens": found.output_tokens,
        "x_CachedInputTokens": found.cached_tokens,
        "x_Zone": used.zone or None,
    }
    return tuple(values.get(name) for name, _ in COLUMNS)
