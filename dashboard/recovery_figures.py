"""How well recovery works: four rates of the same failures side by side, and who earned the money."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import streamlit as st

from billing import recovery_metrics
from dashboard import shell, wording
from dashboard.books import Books
from dashboard.recovery_rows import ATTRIBUTION_WORDS, RATE_WORDS, rate_words
from store import recovery_reads
from store.database import tenant_transaction
from store.recovery_reads import Failure

COHORT = timedelta(days=90)


def draw(opened: Books) -> None:
    """Four rates of the same failures, and who earned the money; a currency at a time."""
    with tenant_transaction(opened.engine, opened.tenant_id) as connection:
        found = recovery_reads.failures(connection, failed_since=datetime.now(UTC) - COHORT)
    if not found:
        return
    with shell.card(
        "rates", "How well it works", "Payments that failed in the last 90 days; four shares of the same failures"
    ):
        for currency, failures in recovery_metrics.by_currency(found).items():
            _rates(currency, failures)


def _rates(currency: str, failures: Sequence[Failure]) -> None:
    st.markdown(f":gray[{currency.upper()}, {wording.count(len(failures), 'failed invoice')}]")
    with st.grid(4, min_column_width=200, gap="small") as grid:
        for rate in recovery_metrics.rates(failures):
            value, shares = rate_words(rate, currency)
            formula = recovery_metrics.FORMULAS[rate.name]
            with grid.cell():
                st.markdown(
                    f":small[:gray[{RATE_WORDS[rate.name]}]]\n\n**{wording.escape(value)}**\n\n"
                    f":small[:gray[{wording.escape(shares)}]]",
                    help=formula[0].upper() + formula[1:] + ".",
                )
    earned = recovery_metrics.earned(failures)
    table = pl.DataFrame(
        {
            "Earned by": [ATTRIBUTION_WORDS[one.attribution] for one in earned],
            "Invoices": [one.invoices for one in earned],
            "Recovered": [wording.money_exact(one.recovered_minor, currency) for one in earned],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        key=f"recovery_earned_{currency}",
        column_config={"Recovered": st.column_config.TextColumn("Recovered", alignment="right")},
        alt="Recovered invoices and amounts by who earned them",
    )
