"""The subscription figures of an investor report: MRR and what moved it, retention, run-rate, with their definitions and versions."""

from datetime import date
from fractions import Fraction

from pricing import saas_metrics
from pricing.investor_report import Definition, Figure, Unit
from pricing.metric_definitions import definition
from pricing.saas_metrics import MrrMonth
from store import warehouse_metric_reads as metric_reads
from store.warehouse_reads import Warehouse

RETENTION_MONTHS = 12
MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn", "exchange_rate")
# Key of the figure, key of its definition, unit.
FIGURES: tuple[tuple[str, str, Unit], ...] = (
    ("mrr", "mrr", "money"),
    ("arr", "arr", "money"),
    ("nrr", "nrr", "share"),
    ("grr", "grr", "share"),
    ("quick_ratio", "quick_ratio", "times"),
    ("usage_run_rate", "usage_run_rate", "money"),
    *((f"mrr_{name}", "mrr_movements", "money") for name in MOVEMENTS),
)


def figures(warehouse: Warehouse, month: date) -> list[Figure]:
    """The figures at the end of a month and of the one before; none where the version has no subscriptions of that month."""
    months = metric_reads.mrr_months(warehouse)
    now, before = (_values(warehouse, months, end) for end in (month, _month_before(month)))
    if now is None:
        return []
    return [
        Figure(key=key, unit=unit, value=now[key], before=None if before is None else before[key])
        for key, _, unit in FIGURES
    ]


def definitions() -> list[Definition]:
    """What those figures mean; figures of one definition share it under its own key."""
    found: dict[str, Definition] = {}
    for _, of, _ in FIGURES:
        metric = definition(of)
        found[of] = Definition(key=of, name=metric.name, formula=metric.formula, version=metric.version)
    return list(found.values())


def _month_before(month: date) -> date:
    return month.replace(year=month.year - 1, month=12) if month.month == 1 else month.replace(month=month.month - 1)


def _values(warehouse: Warehouse, months: list[MrrMonth], end: date) -> dict[str, Fraction | None] | None:
    known = {each.month: each for each in months}
    if end not in known:
        return None
    now = known[end]
    kept = metric_reads.retention(warehouse).get((end, RETENTION_MONTHS))
    sold = metric_reads.usage_revenue(warehouse)
    run_rate = saas_metrics.usage_run_rate([sold.get(each.month) for each in months if each.month <= end])
    values: dict[str, Fraction | int | None] = {
        "mrr": now.mrr_minor,
        "arr": saas_metrics.arr(now),
        "nrr": kept.nrr if kept else None,
        "grr": kept.grr if kept else None,
        "quick_ratio": saas_metrics.quick_ratio(now),
        "usage_run_rate": run_rate,
    }
    values |= {f"mrr_{name}": now.moved_minor.get(name, 0) for name in MOVEMENTS}  # type: ignore[call-overload]  # pricing.mrr's own words
    return {key: None if value is None else Fraction(value) for key, value in values.items()}
