"""The phases of a subscription schedule: what is planned, read from Stripe's form, and a change put into it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.commands import Raw

# What the running phase must keep when it is sent back; of what is not named, the subscription keeps its own.
KEPT = ("collection_method", "default_payment_method", "description", "metadata", "proration_behavior", "trial_end")


@dataclass(frozen=True)
class Phase:
    """What a subscription is from `start` until before `end`: quantity by price id, None for what is billed by use."""

    start: datetime
    end: datetime
    items: tuple[tuple[str, int | None], ...]


def phases(schedule: Raw) -> list[Phase]:
    """All phases in order, past ones too."""
    return [
        Phase(
            datetime.fromtimestamp(one["start_date"], UTC),
            datetime.fromtimestamp(one["end_date"], UTC),
            tuple((_id(item["price"]), item.get("quantity")) for item in one["items"]),
        )
        for one in schedule["phases"]
    ]


def with_switch(
    schedule: Raw, agreed: Mapping[str, Mapping[str, Any]], then: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """The phases of a schedule that was just made, with another price or quantity from `then["at"]` on, in Stripe's form.

    The running phase is kept to that moment, which may lie beyond its end; the new one lasts an interval of its price, and what
    follows is up to the schedule's end. `agreed` has price and quantity by subscription item, `then` the item, price, quantity, moment.
    None when the running phase has not what was agreed: then somebody else was quicker.
    """
    running = schedule["phases"][0]
    was = agreed[then["item"]]["price"]
    now_items = [_item(item) for item in running["items"]]
    if was not in {item["price"] for item in now_items}:
        return None
    kept = {name: running[name] for name in KEPT if running.get(name)}
    discounts = [{name: _id(value) for name, value in one.items() if value} for one in running.get("discounts") or []]
    if discounts:
        kept["discounts"] = discounts
    later = dict(kept)
    later.pop("trial_end", None)
    return [
        {**kept, "items": now_items, "start_date": running["start_date"], "end_date": then["at"]},
        {**later, "items": _switched(now_items, was, then)},
    ]


def _switched(items: Sequence[Mapping[str, Any]], was: str, then: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items with the first one of the old price replaced; the others stay."""
    at = next(place for place, item in enumerate(items) if item["price"] == was)
    new = {name: then[name] for name in ("price", "quantity") if name in then}
    return [new if place == at else dict(item) for place, item in enumerate(items)]


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"price": _id(item["price"])}
    if item.get("quantity") is not None:
        told["quantity"] = item["quantity"]
    if item.get("tax_rates"):
        told["tax_rates"] = [_id(rate) for rate in item["tax_rates"]]
    return told


def _id(value: Any) -> Any:
    """An id, also where Stripe gave the whole object."""
    return value["id"] if isinstance(value, Mapping) and "id" in value else value
