"""The tables of a published warehouse that hold usage log and providers' bills side by side, summed when a version is built."""

_CELL = {"month": "date", "day": "date", "provider": "varchar", "model": "varchar", "unit": "varchar"}

BILL_TABLES: dict[str, dict[str, str]] = {
    # A model's unit on a day that has a bill; `is_settled` where the bill grows no more and is what the company pays.
    "bill_cells": {
        **_CELL,
        "logged_quantity": "hugeint",
        # Null where the bill tells money alone.
        "billed_quantity": "hugeint",
        "logged_pico_usd": "hugeint",
        "billed_pico_usd": "hugeint",
        "is_settled": "boolean",
    },
    # The parts of each cell's gap by cause (pricing.variance_split.Cause); they sum to it.
    "bill_parts": {**_CELL, "cause": "varchar", "part_pico_usd": "hugeint"},
    # Every provider of a month; the columns of the bill are null where none is connected.
    "bill_months": {
        "month": "date",
        "provider": "varchar",
        "usage_pico_usd": "hugeint",
        "first_day": "date",
        "last_day": "date",
        "logged_pico_usd": "hugeint",
        "billed_pico_usd": "hugeint",
        "matched_pico_usd": "hugeint",
        "compared_pico_usd": "hugeint",
        "state": "varchar",
    },
    # What metered prices charged a customer for, beside what the log has of it in the same period (quantities in the price's unit).
    "invoiced_units": {
        "month": "date",
        "customer_id": "varchar",
        "invoice_id": "varchar",
        "price": "varchar",
        "unit_label": "varchar",
        "period_start": "timestamp",
        "period_end": "timestamp",
        "invoiced_quantity": "bigint",
        # Null where the label does not say what is counted.
        "logged_quantity": "bigint",
        "amount_minor": "bigint",
        "currency": "varchar",
    },
}
