"""What a meter has to be told: usage by customer and window, whole units by billing period, less what was told already."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal

import duckdb
import polars as pl

from pricing.usage import BUCKETS

Window = Literal["hour", "day"]
# What a rule may count: a bucket, or calls.
COUNTED = (*BUCKETS, "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule:
    """Which usage a meter counts: the sum of `counted`, `per` of which are one unit; filters of None take everything.

    Usage before `starts_at` is not told. `window` is how finely it is told; a billing period's edge always parts a window.
    """

    rule_id: str
    event_name: str
    meter_id: str
    counted: tuple[str, ...]
    per: int
    starts_at: datetime
    window: Window = "hour"
    provider: str | None = None
    model: str | None = None
    feature: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """A customer's quantity in one window: usage in the rule's units of use, or units told to the meter."""

    customer_id: str
    window_start: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Surplus:
    """More units were told in a billing period than its usage comes to now."""

    customer_id: str
    period_start: datetime
    units: int


class BillingPeriods:
    """The edges of each customer's billing periods; where none is known, calendar months in UTC."""

    def __init__(self, edges: Mapping[str, Iterable[datetime]]) -> None:
        self._edges = {customer: sorted(set(given)) for customer, given in edges.items()}

    def start(self, customer_id: str, at: datetime) -> datetime:
        """Where the period that holds the moment begins."""
        edges = self._edges.get(customer_id, [])
        place = bisect_right(edges, at)
        if place:
            return edges[place - 1]
        return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def frame(self) -> pl.DataFrame:
        """(customer_id, edge) with edges as UTC without a zone, as the lake has its moments."""
        rows = [
            (customer, edge.astimezone(UTC).replace(tzinfo=None)) for customer, of in self._edges.items() for edge in of
        ]
        return pl.DataFrame(rows, schema={"customer_id": pl.String(), "edge": pl.Datetime("us")}, orient="row")


def usage_by_window(
    con: duckdb.DuckDBPyConnection,
    events: duckdb.DuckDBPyRelation,
    refs: pl.DataFrame,
    periods: BillingPeriods,
    rule: MeterRule,
    *,
    since: datetime,
    until: datetime,
) -> list[Counted]:
    """What the events (lake columns, UTC without a zone) of known customers in [since, until) come to by window.

    A window begins with its hour or day, or at the edge of a billing period inside it. `refs` are (customer_ref, customer_id).
    """
    counted = " + ".join("1" if name == "events" else f"coalesce({name}, 0)" for name in rule.counted)
    filters = {name: value for name in ("provider", "model", "feature") if (value := getattr(rule, name)) is not None}
    chosen = " and ".join(("true", *(f"event.{name} = ${name}" for name in filters)))
    # Views rather than variables: a replacement scan would find only the names of this very frame.
    for name, frame in (("meter_refs", refs), ("meter_edges", periods.frame())):
        con.register(name, frame.to_arrow())
    con.register("meter_events", events)
    moments = {name: at.astimezone(UTC).replace(tzinfo=None) for name, at in (("since", since), ("until", until))}
    rows = con.execute(
        f"""
        with known as (
            select ref.customer_id, event.occurred_at, {counted} as quantity
            from meter_events event join meter_refs ref using (customer_ref)
            where event.occurred_at >= $since and event.occurred_at < $until and {chosen}
        )
        select known.customer_id,
            greatest(date_trunc('{rule.window}', occurred_at), coalesce(edge, date_trunc('{rule.window}', occurred_at))) as window_start,
            sum(quantity)::bigint
        from known asof left join meter_edges edges
            on edges.customer_id = known.customer_id and occurred_at >= edges.edge
        group by all having sum(quantity) > 0 order by all
        """,  # noqa: S608 - names out of COUNTED and two words of ours; every value is a parameter
        {**filters, **moments},
    ).fetchall()
    for name in ("meter_refs", "meter_edges", "meter_events"):
        con.unregister(name)
    return [Counted(customer, at.replace(tzinfo=UTC), quantity) for customer, at, quantity in rows]


def due(
    used: Sequence[Counted], told: Sequence[Counted], periods: BillingPeriods, per: int
) -> tuple[list[Counted], list[Surplus]]:
    """The units that are still to be told by window, and the periods in which too many were told.

    Within a billing period the units told up to a window are what its usage up to there comes to, rounded down: what a window leaves
    over counts in the next one, so a period's units are its usage divided by `per`, rounded down once.
    """
    found: list[Counted] = []
    surplus: list[Surplus] = []
    keyed = sorted(
        (one.customer_id, periods.start(one.customer_id, one.window_start), one.window_start, is_told, one.quantity)
        for is_told, many in ((False, used), (True, told))
        for one in many
    )
    for (customer, period), rows in groupby(keyed, key=lambda row: row[:2]):
        of_period = list(rows)
        in_all = sum(row[4] for row in of_period if not row[3]) // per
        left = in_all - sum(row[4] for row in of_period if row[3])
        if left < 0:
            surplus.append(Surplus(customer, period, -left))
        usage = units = 0
        for window, in_window in groupby(of_period, key=lambda row: row[2]):
            of_window = [row[3:] for row in in_window]
            usage += sum(quantity for is_told, quantity in of_window if not is_told)
            units += sum(quantity for is_told, quantity in of_window if is_told)
            # What a later window has been told already is not told again here.
            missing = min(usage // per - units, left)
            # A window that only the ledger knows has nothing to tell: what is missing there belongs to a later one.
            if missing > 0 and any(not is_told for is_told, _ in of_window):
                found.append(Counted(customer, window, missing))
                units += missing
                left -= missing
    return found, surplus
