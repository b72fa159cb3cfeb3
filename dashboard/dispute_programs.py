"""The panel with the card networks' dispute programs: this month and the last against their dated thresholds."""

from datetime import UTC, datetime

import streamlit as st

from billing.dispute_months import activities, month_before
from billing.dispute_thresholds import Standing, standings
from dashboard import wording
from dashboard.books import Books
from store import dispute_reads
from store.database import tenant_transaction

ICONS = {
    "below_minimum": ":gray[:material/info:] not applicable yet",
    "below": ":green[:material/check_circle:] below",
    "crossed": ":red[:material/error:] crossed",
}


def panel(opened: Books) -> None:
    """The standings, folded away unless a limit is crossed."""
    this_month = datetime.now(UTC).date().replace(day=1)
    last_month = month_before(this_month)
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        months = dispute_reads.activity(connection, since=month_before(last_month))
    found = standings(activities(months, (this_month, last_month)))
    crossed = sum(one.standing == "crossed" for one in found)
    title = f"Network programs: {wording.count(crossed, 'limit')} crossed" if crossed else "Network programs"
    with st.expander(title, icon=":material/credit_card:", expanded=bool(crossed)):
        for one in found:
            _line(one)
        st.caption(
            "Disputes and warnings count in the month they came, payments in the month they were made. What you take outside "
            "Stripe is not in these numbers."
        )


def _line(one: Standing) -> None:
    line = one.threshold
    until = f" until {line.valid_to:%d %b %Y}" if line.valid_to else ""
    confirmed = "" if line.is_confirmed else "; not confirmed by the network's own rules"
    name = f"{line.network.capitalize()} {line.program}, {line.level}"
    st.markdown(
        f"**{wording.escape(name)}** {ICONS[one.standing]}\n\n{wording.escape(one.sentence)}\n\n"
        f":small[:gray[valid since {line.valid_from:%d %b %Y}{until}; {wording.escape(line.source)}{confirmed}]]"
    )
