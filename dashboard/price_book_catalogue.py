"""Where the public prices come from: the catalogue and its overlay, when they were looked at, and where other lists differ."""

from datetime import UTC

import polars as pl
import streamlit as st

from dashboard import shell, wording
from dashboard.books import Books
from dashboard.price_book_tables import table
from pricing import price_words
from pricing.catalogue import SOURCE
from pricing.overlay import load_overlay, public_offers
from pricing.overlay_check import oldest_check
from store import price_differences, restatements
from store.database import tenant_transaction

SHOWN = 100


def draw(opened: Books | None) -> None:
    """Sources, differences, offers."""
    entries = load_overlay()
    with shell.card(
        "catalogue", "Where public prices come from", "A newer version of the program brings a newer catalogue"
    ):
        st.markdown(
            f"- **{wording.escape(SOURCE)}**, flattened to dated prices\n"
            f"- **{wording.count(len(entries), 'overlay entry', 'overlay entries')}** over it, each with its source; "
            f"the longest ago that one was checked is **{wording.day_of(oldest_check(entries))}**\n"
            f"- {wording.escape(_priced_at(opened))}"
        )
        st.caption("`metering prices check` names entries that want checking again.")
    _differences(opened)
    _offers()


def _priced_at(opened: Books | None) -> str:
    if opened is None:
        return "when all usage was last looked at by this book is not known without the database"
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        at = restatements.priced_at(connection)
    if at is None:
        return "usage has not been looked at by this book yet; the next refresh does it"
    return f"all usage is priced by this book since {wording.moment_of(at.astimezone(UTC))}"


def _differences(opened: Books | None) -> None:
    with shell.card("differences", "Differences between catalogues", "Prices in force that another list has otherwise"):
        found = None if opened is None else price_differences.read(opened.home)
        if found is None:
            st.markdown(":gray[:material/difference:] No comparison is kept. Run one with another list:")
            st.code("metering prices diff --litellm model_prices_and_context_window.json", language=None)
            return
        counts = dict(found.rows.group_by("verdict").len().iter_rows())
        st.markdown(
            f"Compared with **{wording.escape(found.other)}** on {wording.moment_of(found.compared_at)}: "
            + ", ".join(f"{number:,} {verdict}" for verdict, number in sorted(counts.items()))
            + "."
        )
        differing = found.rows.filter(pl.col("verdict") == "differs")
        if differing.is_empty():
            st.markdown(":green[:material/check_circle:] No price that both have differs.")
            return
        rows = [
            {
                "Model": f"{row['provider']}/{row['model']}",
                "Tier": str(row["service_tier"]),
                "Unit": str(row["bucket"]).replace("_", " "),
                "Ours": price_words.price_in_words(row["bucket"], row["ours_pico_usd"]),
                "Theirs": price_words.price_in_words(row["bucket"], row["theirs_pico_usd"]),
            }
            for row in differing.head(SHOWN).iter_rows(named=True)
        ]
        table(rows, key="differences", right=("Ours", "Theirs"), alt="Prices in which the two lists differ")
        if differing.height > SHOWN:
            st.caption(f"The first {SHOWN} of {differing.height:,}; `metering prices diff` writes all of them.")


def _offers() -> None:
    offers = public_offers()
    if not offers:
        return
    with shell.card(
        "offers",
        "Public offers",
        "Volume tiers and commitments that anybody may agree to; what you agreed is a contract term",
    ):
        rows = [
            {
                "Provider": offer.provider,
                "Offer": offer.name,
                "Terms": offer.terms,
                "Checked": str(offer.checked_on),
                "Source": offer.source_url,
            }
            for offer in offers
        ]
        table(rows, key="offers", alt="Public offers of providers")
