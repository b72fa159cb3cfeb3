"""What needs a decision today, one line each, worst first by kind: money asked back before models without a price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import shell, wording

SHOWN_PER_KIND = 3


@dataclass(frozen=True)
class Item:
    """One thing that waits; `amount_minor` in the reporting currency, `due_by` when somebody else set a date."""

    kind: str
    customer_id: str | None
    title: str
    detail: str
    amount_minor: int | None
    at: datetime | None
    due_by: datetime | None


@dataclass(frozen=True)
class Kind:
    """How one kind of waiting thing is named, marked and explained."""

    one: str
    many: str
    icon: str
    color: str


KINDS = {
    "dispute": Kind("dispute to answer", "disputes to answer", ":material/gavel:", "red"),
    "refund_failed": Kind("refund that did not arrive", "refunds that did not arrive", ":material/money_off:", "red"),
    "refund_request": Kind("refund request", "refund requests", ":material/undo:", "orange"),
    "refund_pending": Kind("refund on its way", "refunds on their way", ":material/hourglass_top:", "gray"),
    "past_due_burn": Kind(
        "past due, still burning", "past due, still burning", ":material/local_fire_department:", "red"
    ),
    "unpriced": Kind("model without a price", "models without a price", ":material/sell:", "orange"),
    "unattributed": Kind("usage without a customer", "usages without a customer", ":material/person_off:", "orange"),
    "told_twice": Kind("usage told twice", "usages told twice", ":material/content_copy:", "orange"),
    "unbalanced": Kind("incomplete invoice", "incomplete invoices", ":material/difference:", "orange"),
    "no_rate": Kind("currency without a rate", "currencies without a rate", ":material/currency_exchange:", "orange"),
}


def draw(
    items: Sequence[Item],
    currency: str,
    now: datetime,
    open_customer: Callable[[str], None],
    alerts: tuple[int, Callable[[], None]],
) -> None:
    """The card; nothing waiting is said, too. `alerts`: how many are open, and what draws the newest of them."""
    counted = [(kind, sum(item.kind == kind for item in items)) for kind in KINDS]
    words = [wording.count(number, KINDS[kind].one, KINDS[kind].many) for kind, number in counted if number]
    open_alerts, draw_alerts = alerts
    if open_alerts:
        words.insert(0, wording.count(open_alerts, "open alert"))
    with shell.card("attention", "What needs attention", " · ".join(words) or "Nothing is waiting for you."):
        draw_alerts()
        for kind, number in counted:
            waiting = sorted((item for item in items if item.kind == kind), key=_urgency)
            for place, item in enumerate(waiting[:SHOWN_PER_KIND]):
                _line(item, f"{kind}_{place}", currency, now, open_customer)
            if number > SHOWN_PER_KIND:
                more = wording.count(number - SHOWN_PER_KIND, f"more {KINDS[kind].one}", f"more {KINDS[kind].many}")
                st.caption(f"and {more}")


def _urgency(item: Item) -> tuple[datetime, int]:
    return (item.due_by or datetime.max, -(item.amount_minor or 0))  # noqa: DTZ901 - the warehouse's moments are naive UTC


def _line(item: Item, key: str, currency: str, now: datetime, open_customer: Callable[[str], None]) -> None:
    kind = KINDS[item.kind]
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
        key=f"attention_{key}",
    ):
        facts = [item.detail.replace("_", " ")] if item.detail else []
        if item.due_by is not None:
            facts.append(_due(item.due_by, now))
        elif item.at is not None and item.kind in {"refund_request", "refund_pending"}:
            facts.append(f"waiting since {wording.day_of(item.at)}")
        elif item.at is not None and item.kind == "refund_failed":
            facts.append(f"sent {wording.day_of(item.at)}, the money is back in the balance")
        badge = f":{kind.color}-badge[{kind.icon} {kind.one.capitalize()}]"
        st.markdown(
            f"{badge} **{wording.escape(item.title)}**  \n:small[:gray[{wording.escape(' · '.join(facts))}]]",
            width="content",
        )
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            if item.amount_minor is not None:
                st.markdown(f"**{wording.escape(wording.money_exact(item.amount_minor, currency))}**", width="content")
            if item.customer_id is not None and st.button("Open", key=f"open_{key}", type="tertiary"):
                open_customer(item.customer_id)


def _due(due_by: datetime, now: datetime) -> str:
    days = (due_by.date() - now.date()).days
    if days < 0:
        return f"was due {wording.day_of(due_by)}"
    return f"answer by {wording.day_of(due_by)}, {'today' if days == 0 else wording.count(days, 'day') + ' left'}"
