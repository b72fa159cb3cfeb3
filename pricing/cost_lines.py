"""One event's cost written out: quantity x unit price = cost, unit by unit."""

from collections.abc import Mapping
from dataclasses import dataclass

from pricing.usage import BUCKETS


@dataclass(frozen=True)
class CostLine:
    """One unit of an event; price and cost are None where the entry has no price for it."""

    bucket: str
    quantity: int
    unit_pico_usd: int | None
    cost_pico_usd: int | None


def cost_lines(quantities: Mapping[str, int | None], unit_pico_usd: Mapping[str, int | None]) -> list[CostLine]:
    """The used units of an event in the order of BUCKETS at the entry's prices (whole pico-USD for one unit, by bucket)."""
    lines = []
    for bucket in BUCKETS:
        quantity, price = quantities.get(bucket) or 0, unit_pico_usd.get(bucket)
        if quantity:
            lines.append(CostLine(bucket, quantity, price, None if price is None else quantity * price))
    return lines
