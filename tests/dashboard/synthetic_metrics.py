"""What the synthetic company's Margins page is made of: its months as streams of plans, its MRR, its cohorts."""

from collections import defaultdict
from datetime import date
from typing import Any

from tests.dashboard.synthetic_company import MONTHS, Company

Row = dict[str, Any]


def metric_tables(company: Company) -> dict[str, list[Row]]:
    """Rows that go with the company's: every customer pays one plan; what the plan lists is their MRR."""
    months = company.tables["customer_month"]
    streams: list[Row] = []
    first: dict[str, date] = {}
    for row in months:
        key = {name: row[name] for name in ("month", "customer_id", "basis")} | {"currency": "usd"}
        plan = row["gross_minor"] - row["discounts_minor"] - row["credits_minor"]
        streams.append(
            key
            | {"stream": "plan", "product": "", "quantity_micro": 10**6, "amount_minor": plan, "reporting_minor": plan}
        )
        if row["refunds_minor"]:
            back = -row["refunds_minor"]
            streams.append(
                key
                | {
                    "stream": "money_back",
                    "product": "refund",
                    "quantity_micro": 0,
                    "amount_minor": back,
                    "reporting_minor": back,
                }
            )
        first[row["customer_id"]] = min(row["month"], first.get(row["customer_id"], row["month"]))
    return {
        "month_streams": streams,
        "customer_traits": [{"customer_id": customer_id, "cohort": month} for customer_id, month in first.items()],
        **_mrr(months, {row["customer_id"]: row["plan"] for row in company.tables["customers"]}, first),
    }


def _mrr(months: list[Row], plans: dict[str, str], first: dict[str, date]) -> dict[str, list[Row]]:
    """Each customer's gross as MRR, the same each month; who comes is new, and nobody leaves."""
    held: list[Row] = []
    totals: dict[date, int] = defaultdict(int)
    prices: dict[str, int] = {}
    for row in months:
        if row["basis"] != "service":
            continue
        minor = prices.setdefault(row["customer_id"], row["gross_minor"])
        held.append(
            {"month": row["month"], "customer_id": row["customer_id"], "currency": "usd", "plan": plans[row["customer_id"]],
             "amount_minor": minor, "mrr_minor": minor}
        )  # fmt: skip
        totals[row["month"]] += minor
    retention = []
    for back in (1, 12):
        for place in range(back, len(MONTHS)):
            then = [each for each in held if each["month"] == MONTHS[place - back]]
            start = sum(each["mrr_minor"] for each in then)
            retention.append(
                {"month": MONTHS[place], "months": back, "customers": len(then), "customers_kept": len(then), "start_minor": start,
                 "now_minor": start, "capped_minor": start}
            )  # fmt: skip
    return {
        "customer_mrr": held,
        "mrr_months": [
            {"month": month, "mrr_minor": totals[month], "customers": sum(each["month"] == month for each in held)}
            for month in MONTHS
        ],
        "customer_movements": [
            {"month": month, "customer_id": customer_id, "movement": "new", "moved_minor": prices[customer_id]}
            for customer_id, month in first.items()
            if month > MONTHS[0]
        ],
        "retention": retention,
    }
