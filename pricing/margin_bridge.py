"""What moved the margin: the change of gross profit and gross margin between any two periods, in parts that sum to it exactly."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

from pricing import cost_drivers, revenue_drivers
from pricing.cost_drivers import Cell
from pricing.margin import margin_share
from pricing.money import divide_half_away
from pricing.revenue_drivers import Billed

Part = Literal[
    "customers_gained",
    "customers_lost",
    "revenue_price",
    "revenue_quantity",
    "money_back",
    "usage_volume",
    "model_mix",
    "token_price",
    "tokens_per_request",
    "cache_rate",
    "commitments",
    "exchange_rate",
    "unreconciled",
]
PARTS: tuple[Part, ...] = get_args(Part)
# In the order of revenue_drivers.Effects and of cost_drivers.Effects.
_REVENUE_PARTS: tuple[Part, ...] = ("revenue_quantity", "revenue_price", "exchange_rate")
_USAGE_PARTS: tuple[Part, ...] = ("usage_volume", "model_mix", "tokens_per_request", "cache_rate", "token_price")


@dataclass(frozen=True, slots=True)
class CustomerPeriod:
    """What a customer paid, stream by stream, got back (minor units, positive), and used, model by model, in a period."""

    streams: Mapping[str, Billed] = field(default_factory=dict)
    money_back_minor: int = 0
    cells: Mapping[str, Cell] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether the customer was billed for anything, or used anything."""
        return bool(self.cells) or any(not billed.is_nothing for billed in self.streams.values())


@dataclass(frozen=True, slots=True)
class Totals:
    """Net revenue and AI cost of a period in minor units, as pages show them; None where an amount has no exchange rate."""

    net_revenue_minor: int | None
    cost_minor: int | None

    @property
    def profit_minor(self) -> int | None:
        """Gross profit."""
        if self.net_revenue_minor is None or self.cost_minor is None:
            return None
        return self.net_revenue_minor - self.cost_minor

    @property
    def share(self) -> Fraction | None:
        """Gross margin; None where nothing was sold or something is unknown."""
        return margin_share(self.net_revenue_minor, self.cost_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period's books in the reporting currency.

    `customers[None]` is what belongs to nobody: it is there in every period, neither gained nor lost. `unreconciled_pico_usd` is
    what the provider's bill has beyond the usage, `contracts_pico_usd` the shortfalls of commitments less credits. `minor_per_pico_usd` is the rate of the period, None where none is known;
    `cost_minor` is the cost as pages show it, each month rounded once.
    """

    customers: Mapping[str | None, CustomerPeriod]
    unreconciled_pico_usd: int = 0
    contracts_pico_usd: int = 0
    minor_per_pico_usd: Fraction | None
    net_revenue_minor: int | None
    cost_minor: int | None

    @property
    def totals(self) -> Totals:
        """The sums alone."""
        return Totals(self.net_revenue_minor, self.cost_minor)

    @property
    def share(self) -> Fraction | None:
        """Gross margin; None where nothing was sold or something is unknown."""
        return self.totals.share


class Cause(NamedTuple):
    """A part's effect through one customer and one model, stream or nothing in particular, in revenue and cost."""

    part: Part
    customer_id: str | None
    subject: str
    # In 1/revenue_drivers.EFFECT_PARTS minor units, and in 1/cost_drivers.EFFECT_PARTS pico-USD.
    revenue_units: int
    cost_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of the bridge, in whole minor units; `points` is what it adds to the margin (a share), None where that is unknown."""

    part: Part
    revenue_minor: int
    cost_minor: int
    points: Fraction | None

    @property
    def profit_minor(self) -> int:
        """What the part adds to gross profit."""
        return self.revenue_minor - self.cost_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The steps from one period's gross profit and margin to another's, in the order of PARTS; they sum to the change exactly."""

    before: Period
    after: Period
    steps: tuple[Step, ...]
    causes: tuple[Cause, ...]
    # Minor units for one unit of a cause's cost.
    minor_per_cost_unit: Fraction

    def profit_of(self, cause: Cause) -> Fraction:
        """What a cause adds to gross profit, in minor units, unrounded."""
        return Fraction(cause.revenue_units, revenue_drivers.EFFECT_PARTS) - cause.cost_units * self.minor_per_cost_unit


def causes(before: Period, after: Period) -> list[Cause]:
    """Every effect by customer and model or stream, without what exchange rates did to the cost."""
    found = []
    for customer_id in sorted(before.customers.keys() | after.customers.keys(), key=lambda id_: id_ or ""):
        old = before.customers.get(customer_id, CustomerPeriod())
        new = after.customers.get(customer_id, CustomerPeriod())
        if customer_id is not None and old.is_there != new.is_there:
            found += _come_or_gone(customer_id, old, new)
        else:
            found += _stayed(customer_id, old, new)
        back = old.money_back_minor - new.money_back_minor
        if back:
            found.append(Cause("money_back", customer_id, "", back * revenue_drivers.EFFECT_PARTS, 0))
    beside: tuple[tuple[Part, int], ...] = (
        ("commitments", after.contracts_pico_usd - before.contracts_pico_usd),
        ("unreconciled", after.unreconciled_pico_usd - before.unreconciled_pico_usd),
    )
    found += [Cause(part, None, "", 0, pico * cost_drivers.EFFECT_PARTS) for part, pico in beside if pico]
    return found


def _come_or_gone(customer_id: str, old: CustomerPeriod, new: CustomerPeriod) -> list[Cause]:
    """All that a new customer brings, or one who left takes along."""
    part: Part = "customers_gained" if new.is_there else "customers_lost"
    revenue, cost = (_revenue(new) - _revenue(old)), (_cost(new) - _cost(old))
    return [Cause(part, customer_id, "", revenue * revenue_drivers.EFFECT_PARTS, cost * cost_drivers.EFFECT_PARTS)]


def _revenue(period: CustomerPeriod) -> int:
    return sum(billed.reporting_minor for billed in period.streams.values())


def _cost(period: CustomerPeriod) -> int:
    return sum(cell.cost_pico_usd for cell in period.cells.values())


def _stayed(customer_id: str | None, old: CustomerPeriod, new: CustomerPeriod) -> list[Cause]:
    found = []
    for name in sorted(old.streams.keys() | new.streams.keys()):
        effects = revenue_drivers.effects(old.streams.get(name, Billed()), new.streams.get(name, Billed()))
        found += [
            Cause(part, customer_id, name, units, 0)
            for part, units in zip(_REVENUE_PARTS, effects, strict=True)
            if units
        ]
    for model, added in cost_drivers.effects(old.cells, new.cells).items():
        found += [
            Cause(part, customer_id, model, 0, units) for part, units in zip(_USAGE_PARTS, added, strict=True) if units
        ]
    return found


def bridge(before: Period, after: Period) -> Bridge | None:
    """The whole decomposition; None where a period's revenue or cost is unknown: an amount or its usage has no exchange rate.

    Steps are whole minor units: what rounding leaves goes to the parts of which most was cut off, so that revenue, cost and
    profit each sum to the change that pages show.
    """
    if before.net_revenue_minor is None or after.net_revenue_minor is None:
        return None
    if before.cost_minor is None or after.cost_minor is None:
        return None
    if before.minor_per_pico_usd is None or after.minor_per_pico_usd is None:
        return None
    found = causes(before, after)
    # The cost is usage in dollars x rate: two factors, so each counts at the mean of the other's two values.
    mean_rate = (before.minor_per_pico_usd + after.minor_per_pico_usd) / 2
    per_unit = mean_rate / cost_drivers.EFFECT_PARTS
    revenues: dict[Part, int] = defaultdict(int)
    costs: dict[Part, int] = defaultdict(int)
    for cause in found:
        revenues[cause.part] += cause.revenue_units
        costs[cause.part] += cause.cost_units
    revenue_parts = [Fraction(revenues[part], revenue_drivers.EFFECT_PARTS) for part in PARTS]
    cost_parts = [costs[part] * per_unit for part in PARTS]
    moved_rate = after.minor_per_pico_usd - before.minor_per_pico_usd
    cost_parts[PARTS.index("exchange_rate")] += moved_rate * (_all_cost(before) + _all_cost(after)) / 2
    whole_revenue = whole_parts(revenue_parts, after.net_revenue_minor - before.net_revenue_minor)
    whole_cost = whole_parts(cost_parts, after.cost_minor - before.cost_minor)
    steps = tuple(
        Step(
            part=part, revenue_minor=revenue, cost_minor=cost, points=points(before.totals, after.totals, revenue, cost)
        )
        for part, revenue, cost in zip(PARTS, whole_revenue, whole_cost, strict=True)
    )
    return Bridge(before=before, after=after, steps=steps, causes=tuple(found), minor_per_cost_unit=per_unit)


def _all_cost(period: Period) -> int:
    return period.unreconciled_pico_usd + period.contracts_pico_usd + sum(map(_cost, period.customers.values()))


def points(before: Totals, after: Totals, revenue_minor: int | Fraction, cost_minor: int | Fraction) -> Fraction | None:
    """What a change of revenue and of cost adds to the margin 1 - cost / revenue; None where a period has no margin.

    A ratio's two sides change one after the other, in both orders, and the mean of the two counts: what is added is proportional to
    the parts, so theirs sum to the whole.
    """
    net_before, net_after = before.net_revenue_minor, after.net_revenue_minor
    cost_before, cost_after = before.cost_minor, after.cost_minor
    if not net_before or not net_after or cost_before is None or cost_after is None or min(net_before, net_after) <= 0:
        return None
    from_revenue = Fraction(cost_before + cost_after, 2 * net_before * net_after) * revenue_minor
    return from_revenue - (Fraction(1, net_before) + Fraction(1, net_after)) / 2 * cost_minor


def whole_parts(parts: Sequence[Fraction], total: int) -> list[int]:
    """Each part as a whole number, up or down, so that they sum to `total`: largest remainder, the earliest on a tie.

    The total may differ from the exact sum where it was rounded by months: that too goes to the largest remainders, never to
    a part of nothing as long as there is another. Turning all signs turns the answer, but for ties.
    """
    floors = [part.numerator // part.denominator for part in parts]
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place], -abs(parts[place])))
    order = [place for place in order if parts[place]] or order
    left = total - sum(floors)
    whole, rest = divmod(left, len(order))
    for rank, place in enumerate(order):
        floors[place] += whole + (rank < rest)
    return floors


def tenths(shares: Iterable[Fraction], total: Fraction) -> list[int]:
    """Shares as tenths of a percentage point that sum to the rounded total: for showing a bridge in points."""
    whole = divide_half_away(total.numerator * 1000, total.denominator)
    return whole_parts([share * 1000 for share in shares], whole)
