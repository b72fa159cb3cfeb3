"""Finds what costs unusually much on the day that still runs, by the hour that its usage has come to."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import polars as pl

from pipelines.spike_findings import Found, Running, Tunings, customers_of, findings, unusual_days
from pricing.anomaly_lateness import LateDay
from pricing.anomaly_subjects import scopes_in, subjects_of
from pricing.anomaly_today import COMPONENTS_OF_ONE_DAY, LIMIT, projected, until_hour
from pricing.finding import Finding
from store import warehouse_hours
from store.warehouse_reads import Warehouse


def running_day(
    view: Warehouse, usage: pl.DataFrame, late: Collection[LateDay], stake: int, tunings: Tunings
) -> list[Finding]:
    """The provisional findings of the running day, of the version's `usage` by day; none where no day runs.

    Rises alone: what is missing today may still come.
    """
    running = warehouse_hours.running_day(view)
    if running is None:
        return []
    today, hour = running
    days = today - timedelta(days=warehouse_hours.HOURS_DAYS), today
    until = until_hour(usage, warehouse_hours.shares_until(view))
    found: list[Found] = []
    for scope in scopes_in(until):
        subjects = subjects_of(until, scope, days, late)
        for each in unusual_days(subjects, warehouse_hours.HOURS_DAYS, stake, tunings, COMPONENTS_OF_ONE_DAY):
            if each.alert.is_rise and each.alert.score >= LIMIT:
                end = projected(each.alert, subjects, usage, today)
                alert = replace(each.alert, score=each.alert.score / LIMIT)
                found.append(replace(each, alert=alert, today=Running(end, hour)))
    if not found:
        return []
    return findings(view, found, warehouse_hours.cells_until(view, customers_of(found)), days, today)
