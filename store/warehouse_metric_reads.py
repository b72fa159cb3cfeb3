"""Reads a published version's subscription figures and segments; every query is a small one over sums made at publishing."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.margin import cost_minor, margin_share
from pricing.margin_bridge import whole_parts
from pricing.money import NANO, exponent
from pricing.mrr import Retention
from pricing.saas_metrics import MrrMonth
from store.warehouse_reads import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What customers with something in common earn and cost over some months; `value` is None for what belongs to nobody.

    Amounts in minor units of the reporting currency, None where one has no exchange rate; `customers` counts those of the
    last month.
    """

    value: str | None
    customers: int
    events: int
    net_revenue_minor: int | None
    cost_minor: int | None

    @property
    def gross_profit_minor(self) -> int | None:
        """Net revenue minus AI cost."""
        if self.net_revenue_minor is None or self.cost_minor is None:
            return None
        return self.net_revenue_minor - self.cost_minor

    @property
    def share(self) -> Fraction | None:
        """The margin."""
        return margin_share(self.net_revenue_minor, self.cost_minor)


@dataclass(frozen=True, slots=True)
class CustomerMoved:
    """How a customer's MRR moved in a month."""

    customer_id: str
    movement: str
    moved_minor: int


def mrr_months(warehouse: Warehouse) -> list[MrrMonth]:
    """MRR by month with its movements, oldest first, the running one last."""
    moved: dict[date, dict[str, tuple[int, int]]] = defaultdict(dict)
    for month, movement, minor, customers in warehouse.rows(
        "select month, movement, moved_minor, customers from mrr_movements"
    ).iter_rows():
        moved[month][movement] = (int(minor), int(customers))
    return [
        MrrMonth(
            month=month,
            mrr_minor=minor,
            customers=customers,
            moved_minor={name: amount for name, (amount, _) in moved[month].items()},  # type: ignore[misc] # the column holds pricing.mrr's movements alone
            moved_customers={name: count for name, (_, count) in moved[month].items()},  # type: ignore[misc] # as above
        )
        for month, minor, customers in warehouse.rows(
            "select month, mrr_minor, customers from mrr_months order by month"
        ).iter_rows()
    ]


def retention(warehouse: Warehouse) -> dict[tuple[date, int], Retention]:
    """What became of earlier customers, by month and how many months back they are looked for."""
    rows = warehouse.rows("select * from retention")
    return {(row["month"], row["months"]): Retention(**row) for row in rows.iter_rows(named=True)}


def usage_revenue(warehouse: Warehouse) -> dict[date, int | None]:
    """Net revenue of metered usage by month of service; None where a part of it has no exchange rate."""
    rows = warehouse.rows(
        """select month, case when count(*) = count(reporting_minor) then sum(reporting_minor)::bigint end
        from month_streams where basis = 'service' and stream = 'usage' group by month order by month"""
    )
    return dict(rows.iter_rows())


def movements(warehouse: Warehouse, month: date) -> list[CustomerMoved]:
    """Every customer whose MRR moved in the month, the biggest move first."""
    rows = warehouse.rows(
        """select customer_id, movement, moved_minor from customer_movements where month = ?
        order by abs(moved_minor) desc, customer_id""",
        [month],
    )
    return [CustomerMoved(*row) for row in rows.iter_rows()]


def segments(warehouse: Warehouse, basis: str, dimension: str, months: Sequence[date]) -> list[Segment]:
    """The months together by a dimension of segment_month, biggest net revenue first; costs sum to the company's to the cent."""
    rows = warehouse.rows(
        """select value, month, customers, events, net_revenue_minor, cost_pico_usd from segment_month
        where basis = ? and dimension = ? and list_contains(?::date[], month) order by value, month""",
        [basis, dimension, list(months)],
    )
    rates = dict(warehouse.rows("select month, rate_nano from usd_rates").iter_rows())
    held: dict[str | None, list[tuple[date, int, int, int | None, int]]] = defaultdict(list)
    for value, *row in rows.iter_rows():
        month, customers, events, net, pico = row
        held[value].append((month, int(customers), int(events), net, int(pico or 0)))
    spent = [[(month, pico) for month, *_, pico in of_value] for of_value in held.values()]
    costs = _costs(spent, rates, warehouse.reporting_currency)
    found = [
        Segment(
            value=value,
            customers=of_value[-1][1],
            events=sum(events for _, _, events, _, _ in of_value),
            net_revenue_minor=_sum(net for _, _, _, net, _ in of_value),
            cost_minor=cost,
        )
        for (value, of_value), cost in zip(held.items(), costs, strict=True)
    ]
    return sorted(found, key=lambda each: (each.net_revenue_minor is None, -(each.net_revenue_minor or 0)))


def _sum(minors: Iterable[int | None]) -> int | None:
    known = list(minors)
    return None if any(minor is None for minor in known) else sum(minor or 0 for minor in known)


def _costs(
    spent: Sequence[Sequence[tuple[date, int]]], rates: dict[date, int | None], currency: str
) -> Sequence[int | None]:
    """The costs of all segments in minor units, to the cent what their months come to; unknown where a month has no rate."""
    by_month: dict[date, int] = defaultdict(int)
    for of_segment in spent:
        for month, pico in of_segment:
            by_month[month] += pico
    if any(pico and rates.get(month) is None for month, pico in by_month.items()):
        return [None] * len(spent)
    total = sum(cost_minor(pico, currency, rates.get(month)) or 0 for month, pico in by_month.items())
    unit = Fraction(10 ** exponent(currency), NANO * 10**12)
    parts = [
        sum((unit * pico * (rates.get(month) or 0) for month, pico in of_segment), Fraction()) for of_segment in spent
    ]
    return whole_parts(parts, total) if parts else []


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortMonth:
    """A cohort in a month: `cohort` is the month of the first invoice; the margin is None where nothing was sold."""

    cohort: date
    month: date
    customers: int
    net_revenue_minor: int | None
    cost_minor: int | None

    @property
    def share(self) -> Fraction | None:
        """The margin."""
        return margin_share(self.net_revenue_minor, self.cost_minor)


def cohorts(warehouse: Warehouse, basis: str) -> list[CohortMonth]:
    """Every cohort in every month since its first, oldest first."""
    rows = warehouse.rows(
        """select strptime(value || '-01', '%Y-%m-%d')::date as cohort, s.month, customers, net_revenue_minor,
            cost_pico_usd, x.rate_nano
        from segment_month s left join usd_rates x using (month)
        where basis = ? and dimension = 'cohort' and value like '2%' order by cohort, s.month""",
        [basis],
    )
    return [
        CohortMonth(
            cohort=cohort,
            month=month,
            customers=customers,
            net_revenue_minor=net,
            cost_minor=0 if not pico else cost_minor(int(pico), warehouse.reporting_currency, rate),
        )
        for cohort, month, customers, net, pico, rate in rows.iter_rows()
        if month >= cohort
    ]
