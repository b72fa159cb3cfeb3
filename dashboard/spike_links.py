"""Where to look next from an alert: the customer, the calls of the day, the prices of the model."""

import streamlit as st

from dashboard import shell, wording
from dashboard.spike_reading import Opened
from pricing.alert_explanation import Explanation


def draw(opened: Opened) -> None:
    """A row of links; a company's or a model's alert leads to the customer who is most of it."""
    line = opened.row.line
    customer_id = line.subject.customer_id or _most(opened.explanation)
    name = opened.names.get(customer_id or "", customer_id or "")
    with st.container(horizontal=True, gap="small", key="spike_links"):
        if customer_id is not None:
            if st.button(f"Open {wording.escape(name)}", icon=":material/person:", key="to_customer"):
                st.switch_page(shell.customers_page(), query_params={"customer": customer_id})
            day = line.last_day
            label = f"Calls of {day.day} {day:%b}"
            if st.button(label, icon=":material/list_alt:", key="to_calls"):
                where = {"customer": customer_id, "month": f"{day:%Y-%m}", "day": f"{day:%Y-%m-%d}"}
                st.switch_page(shell.customers_page(), query_params=where)
        model = line.subject.model or _model(opened.explanation)
        if model is not None and st.button(
            f"Prices of {wording.escape(model)}", icon=":material/sell:", key="to_prices"
        ):
            st.switch_page(shell.prices_page(), query_params={"search": model.rpartition("/")[2]})


def _most(explanation: object) -> str | None:
    """The customer who is most of a difference; None where nobody is named."""
    if not isinstance(explanation, Explanation):
        return None
    return next((part.name for part in explanation.customers if part.name is not None), None)


def _model(explanation: object) -> str | None:
    """The model that is most of a difference."""
    if not isinstance(explanation, Explanation):
        return None
    return next((part.name for part in explanation.models if part.name is not None), None)
