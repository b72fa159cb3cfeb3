"""The definitions of the figures about margin and subscriptions: name, version, formula, since when. Pages, exports and docs name them."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pricing import margin

Unit = Literal["minor", "share", "ratio", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """What a figure means. A change of meaning is a new version with its own `since`, and an entry in the change log."""

    key: str
    name: str
    version: str
    formula: str
    since: date
    unit: Unit
    note: str = ""

    @property
    def label(self) -> str:
        """The name with its version, as in `NRR, 12 months · v1`."""
        return f"{self.name} \u00b7 v{self.version}"


_SINCE = date(2026, 11, 29)


def _metric(key: str, name: str, unit: Unit, formula: str, note: str = "", version: str = "1") -> MetricDefinition:
    return MetricDefinition(key=key, name=name, version=version, formula=formula, since=_SINCE, unit=unit, note=note)


METRICS: tuple[MetricDefinition, ...] = (
    _metric(
        "gross_margin",
        "Gross margin (AI usage only)",
        "share",
        "(net revenue \u2212 AI cost) \u00f7 net revenue",
        "Hosting, support and people are not in it. Not defined where nothing was sold.",
        version=margin.DEFINITIONS_VERSION,
    ),
    _metric(
        "cost_share",
        "AI cost, % of net revenue",
        "share",
        "AI cost \u00f7 net revenue",
        version=margin.DEFINITIONS_VERSION,
    ),
    _metric(
        "inference_efficiency",
        "Inference efficiency",
        "ratio",
        "net revenue \u00f7 AI cost",
        "What one unit of money spent on AI brings. Not defined without cost.",
    ),
    _metric(
        "margin_bridge",
        "What moved the margin",
        "minor",
        "each part's mean effect over all orders in which the factors can change; the parts sum to the change",
    ),
    _metric(
        "mrr",
        "MRR",
        "minor",
        "\u03a3 plan lines in force at the month's end, per month of their interval, after discounts, without tax",
        "From the invoice lines that cover that moment. Annual \u00f7 12; usage, one-off items and trials are left out; past due counts "
        "until the subscription ends.",
    ),
    _metric("arr", "ARR", "minor", "MRR \u00d7 12"),
    _metric(
        "mrr_movements",
        "MRR movements",
        "minor",
        "MRR before + new + expansion + reactivation \u2212 contraction \u2212 churn \u00b1 exchange rates = MRR after",
        "By customer, from one month's end to the next. Who ever had MRR comes back as a reactivation.",
    ),
    _metric(
        "nrr",
        "NRR",
        "share",
        "MRR now of those who had MRR at the start \u00f7 their MRR at the start",
        "At the exchange rates of the start. Over 12 months; over 1 month beside it.",
    ),
    _metric(
        "grr",
        "GRR",
        "share",
        "as NRR, each customer counted at most at their MRR at the start",
        "Never above 100 %.",
    ),
    _metric("arpa", "ARPA", "minor", "MRR \u00f7 customers with MRR"),
    _metric(
        "churn",
        "Customer churn",
        "share",
        "customers churned in the last 3 months \u00f7 customers at the beginnings of these months",
        "A monthly rate.",
    ),
    _metric(
        "quick_ratio",
        "Quick ratio",
        "ratio",
        "(new + expansion) \u00f7 (contraction + churn)",
        "Reactivation is not in it. Not defined in a month in which nothing was lost.",
    ),
    _metric(
        "ltv",
        "LTV",
        "minor",
        "ARPA \u00d7 gross margin \u00f7 customer churn",
        "Not defined while nobody has churned in three months.",
    ),
    _metric(
        "usage_run_rate",
        "Usage run-rate",
        "minor",
        "metered net revenue of the last 3 closed months \u00f7 3",
        "Beside MRR, never in it.",
    ),
    _metric(
        "concentration",
        "Concentration",
        "share",
        "what the biggest 1, 5 and 10 customers have of net revenue, and of AI cost",
    ),
    _metric(
        "power_users",
        "Power users",
        "share",
        "the fewest customers that make half of the calls: their share of the calls, and of net revenue",
    ),
    _metric(
        "segment_margin",
        "Margin by plan, segment and cohort",
        "share",
        "(net revenue \u2212 AI cost) \u00f7 net revenue of the customers in it",
        "Plan: what brought most of the MRR at the month's end. Cohort: the month of the first invoice with an amount.",
    ),
    _metric(
        "allocated_margin",
        "Margin by model and feature (allocated)",
        "share",
        "each customer's net revenue divided over its models (or features) in proportion to their AI cost, less that cost",
        "Nobody pays by model, so this is an allocation, not a measurement. Revenue of customers without AI cost stands apart.",
    ),
)
_BY_KEY = {metric.key: metric for metric in METRICS}


def definition(key: str) -> MetricDefinition:
    """The definition of that key. Raises KeyError for a figure that nobody has defined."""
    return _BY_KEY[key]
