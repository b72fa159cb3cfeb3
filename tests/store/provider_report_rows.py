"""Lines of reports for tests: what is not said of a line is not told by the report."""

from datetime import date

import polars as pl

from store.provider_reports import COST_SCHEMA, USAGE_SCHEMA

FIRST, SECOND, THIRD = date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3)


def used(day: date, model: str, **values: object) -> dict[str, object]:
    """A line of usage at OpenAI."""
    return {"day": day, "provider": "openai", "model": model, **values}


def cost(day: date, line_item: str, pico_usd: int, **values: object) -> dict[str, object]:
    """A line of a bill from OpenAI in dollars."""
    told = {"provider": "openai", "charge_category": "usage", "currency": "usd", "billed_pico": pico_usd}
    return {"day": day, "line_item": line_item, "cost_pico_usd": pico_usd, **told, **values}


def usage_frame(*lines: dict[str, object]) -> pl.DataFrame:
    """Lines as a connector hands them in."""
    return pl.DataFrame(list(lines), schema=USAGE_SCHEMA)


def cost_frame(*lines: dict[str, object]) -> pl.DataFrame:
    """Lines as a connector hands them in."""
    return pl.DataFrame(list(lines), schema=COST_SCHEMA)
