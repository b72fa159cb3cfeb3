"""The entry script of the pages: settles the process, draws the navigation and runs the page that was asked for."""

from pathlib import Path

import streamlit as st

from dashboard import (
    customers,
    dead_letters,
    disputes,
    heap,
    investor_report,
    margins,
    meters,
    notifications,
    overview,
    price_book,
    reconciliation,
    recovery,
    refunds,
    shell,
    spikes,
    what_if,
)

STATIC = Path(__file__).resolve().parent / "static"

st.set_page_config(page_title="Metering", page_icon=str(STATIC / "mark.png"), layout="wide")
heap.settle()
shell.wear()
st.logo(str(STATIC / "logo.svg"), size="large", icon_image=str(STATIC / "mark.svg"))

pages = shell.Pages(
    overview=st.Page(overview.draw, title="Overview", icon=":material/monitoring:", url_path="overview", default=True),
    margins=st.Page(margins.draw, title="Margins", icon=":material/stacked_line_chart:", url_path="margins"),
    customers=st.Page(customers.draw, title="Customers", icon=":material/group:", url_path="customers"),
    spikes=st.Page(spikes.draw, title="Spikes", icon=":material/bolt:", url_path="spikes"),
    prices=st.Page(price_book.draw, title="Price book", icon=":material/sell:", url_path="price-book"),
)
st.session_state[shell.PAGES] = pages
acting = [
    st.Page(refunds.draw, title="Refunds", icon=":material/undo:", url_path="refunds"),
    st.Page(disputes.draw, title="Disputes", icon=":material/gavel:", url_path="disputes"),
    st.Page(recovery.draw, title="Recovery", icon=":material/credit_score:", url_path="recovery"),
    st.Page(dead_letters.draw, title="Dead letters", icon=":material/mail_off:", url_path="dead-letters"),
    st.Page(reconciliation.draw, title="Reconciliation", icon=":material/balance:", url_path="reconciliation"),
    st.Page(meters.draw, title="Meters", icon=":material/speed:", url_path="meters"),
]
reading_pages = [
    pages.overview,
    pages.spikes,
    pages.margins,
    pages.customers,
    st.Page(what_if.draw, title="What if", icon=":material/alt_route:", url_path="what-if"),
    pages.prices,
    st.Page(investor_report.draw, title="Investor report", icon=":material/lock:", url_path="investor-report"),
]
settings = [
    st.Page(notifications.draw, title="Notifications", icon=":material/notifications:", url_path="notifications"),
]
st.navigation({"Margins": reading_pages, "Act": acting, "Settings": settings}, expanded=True).run()
