"""The phases of a schedule: read from parameters, taken from a subscription, and turned into changes of one."""

from itertools import zip_longest

from sandbox.billing.added_items import as_phase_items
from sandbox.billing.calendar import add_interval
from sandbox.billing.params import flag, integer, list_of, metadata
from sandbox.billing.refusals import invalid, missing_param
from sandbox.billing.subscriptions import price_of
from sandbox.objects import StripeObject
from sandbox.objects.schedules import phase, phase_item
from sandbox.state import State

BY_DEFAULT = ("billing_cycle_anchor", "collection_method", "default_payment_method", "description")
KEPT = ("collection_method", "default_payment_method", "description", "proration_behavior")


def phases_of(state: State, given: list[StripeObject], start: int) -> list[StripeObject]:
    """The phases that parameters describe, one after the other from `start` on. Raises 400 where they do not join."""
    if not given:
        raise missing_param("phases")
    found: list[StripeObject] = []
    for index, one in enumerate(given):
        told = one.get("start_date")
        begins = start if told == "now" and index == 0 else integer(one, "start_date") if told else start
        if begins is None or (found and begins != start):
            raise invalid("Each phase must start where the one before it ends.", param=f"phases[{index}][start_date]")
        prices = [(item, price_of(state, item, place)) for place, item in enumerate(list_of(one, "items"))]
        if not prices:
            raise missing_param(f"phases[{index}][items]")
        end = _end(one, begins, prices[0][1], index)
        rows = [phase_item(price["id"], _quantity(item, price), metadata(item)) for item, price in prices]
        plain = {name: one.get(name) for name in KEPT}
        found.append(
            phase(
                currency=prices[0][1]["currency"],
                items=rows,
                start=begins,
                end=end,
                billing_cycle_anchor=one.get("billing_cycle_anchor"),
                discounts=[_discount(each) for each in list_of(one, "discounts")],
                metadata=metadata(one),
                add_invoice_items=as_phase_items(state, one),
                trial_end=end if flag(one, "trial", default=False) else integer(one, "trial_end"),
                **plain,
            )
        )
        start = end
    return found


def _end(given: StripeObject, start: int, price: StripeObject, index: int) -> int:
    """`end_date`, or so long after the start as `duration` says; one interval of the first price when neither is given."""
    end = integer(given, "end_date")
    if end is None:
        how = given.get("duration") or price["recurring"]
        end = add_interval(start, str(how["interval"]), int(how.get("interval_count") or 1))
    if end <= start:
        raise invalid("A phase must end after it starts.", param=f"phases[{index}][end_date]")
    return end


def _quantity(item: StripeObject, price: StripeObject) -> int | None:
    return None if price["recurring"]["usage_type"] == "metered" else integer(item, "quantity", 1)


def _discount(given: StripeObject) -> StripeObject:
    return dict.fromkeys(("coupon", "discount", "promotion_code")) | given


def phase_of(subscription: StripeObject) -> StripeObject:
    """The subscription's present period as a phase."""
    items = subscription["items"]["data"]
    rows = [phase_item(item["price"]["id"], item.get("quantity"), dict(item["metadata"])) for item in items]
    ends = [item["current_period_end"] for item in items]
    return phase(
        currency=subscription["currency"],
        items=rows,
        start=max(item["current_period_start"] for item in items),
        end=min([*ends, *([subscription["cancel_at"]] if subscription["cancel_at"] else [])]),
        discounts=[_discount({"discount": id_}) for id_ in subscription["discounts"]],
        trial_end=subscription["trial_end"] if subscription["status"] == "trialing" else None,
    )


def current(schedule: StripeObject, at: int) -> StripeObject | None:
    """The phase that runs at a moment."""
    return next((one for one in schedule["phases"] if one["start_date"] <= at < one["end_date"]), None)


def effective(schedule: StripeObject, found: StripeObject) -> StripeObject:
    """The phase with what it leaves open taken from the schedule's default settings."""
    defaults = schedule["default_settings"]
    return found | {name: defaults[name] for name in BY_DEFAULT if found[name] is None}


def added(found: StripeObject) -> StripeObject:
    """The phase's one-time items as a parameter; they are billed once, when it begins."""
    rows = [{key: item[key] for key in ("price", "quantity", "metadata")} for item in found["add_invoice_items"]]
    return {"add_invoice_items": rows}


def beginning(found: StripeObject) -> StripeObject:
    """The phase as parameters for a new subscription."""
    items = [{key: item[key] for key in ("price", "quantity", "metadata") if key in item} for item in found["items"]]
    return _plain(found) | {"items": items}


def _plain(found: StripeObject) -> StripeObject:
    told = {name: found[name] for name in (*KEPT, "trial_end") if found[name] is not None}
    return told | {"discounts": [{key: value for key, value in one.items() if value} for one in found["discounts"]]}


def as_changes(state: State, subscription: StripeObject, found: StripeObject) -> StripeObject:
    """The phase as changes of a subscription: same prices keep their items, others are changed, added or taken away."""
    have = list(subscription["items"]["data"])
    changes: list[StripeObject] = []
    strange: list[StripeObject] = []
    for wanted in found["items"]:
        same = next((item for item in have if item["price"]["id"] == wanted["price"]), None)
        if same is None:
            strange.append(wanted)
            continue
        have.remove(same)
        changes.append(_row(wanted) | {"id": same["id"]})
    for item, other in zip_longest(have, strange):
        if other is None:
            changes.append({"id": item["id"], "deleted": True})
        else:
            changes.append(_row(other) | ({} if item is None else {"id": item["id"]}))
    told = _plain(found) | {"items": changes, "metadata": found["metadata"]}
    if found["trial_end"] is not None and found["trial_end"] <= state.now:
        told.pop("trial_end")
    if found["billing_cycle_anchor"] == "phase_start" and subscription["status"] != "trialing":
        told["billing_cycle_anchor"] = {"type": "now"}
    return told


def _row(wanted: StripeObject) -> StripeObject:
    return {key: wanted[key] for key in ("price", "quantity") if key in wanted}
