"""What is behind a bridge: its causes put together by customer and by model, and those few that tell most of the story."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from pricing import revenue_drivers
from pricing.margin_bridge import Bridge, Cause, Part, Step, Totals, points

# A price is the model's doing; whoever uses it is only hit.
_BY_MODEL: frozenset[Part] = frozenset({"token_price"})
# Told as one: who came and who left is a number of customers, and a rate moves everybody.
_AS_ONE: frozenset[Part] = frozenset(
    {"customers_gained", "customers_lost", "commitments", "exchange_rate", "unreconciled"}
)
SHOWN = 8
TOLD = 3
# What moves the margin by less than half a hundredth of a point, or the profit by less than a hundredth of the move, is no story.
WORTH_TELLING = Fraction(1, 20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What some causes of one part come to together: in minor units, unrounded, and in margin (None where that is unknown).

    `customers` is how many customers are in it; one is named by `customer_id`. `subject` is a model or a stream of revenue.
    """

    part: Part
    customer_id: str | None
    subject: str | None
    customers: int
    profit_minor: Fraction
    points: Fraction | None

    @property
    def weight(self) -> Fraction:
        """What it moves: the margin, or the profit where there is no margin."""
        return self.points if self.points is not None else self.profit_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The biggest findings of a part, and what the others come to together."""

    shown: tuple[Finding, ...]
    others: int
    others_profit_minor: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A bridge as it is shown: both periods' totals, the steps, what is behind each by customer and by model, and what to tell."""

    before: Totals
    after: Totals
    steps: tuple[Step, ...]
    told: tuple[Finding, ...]
    by_customer: Mapping[Part, Behind]
    by_subject: Mapping[Part, Behind]


class _Scale:
    """A bridge's way from the units of causes to money and margin; whole numbers to rank by, fractions for those who are shown."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        profit = (Fraction(1, revenue_drivers.EFFECT_PARTS), -bridge.minor_per_cost_unit)
        one = Fraction(1)
        moved = [points(bridge.before.totals, bridge.after.totals, *unit) for unit in ((one, 0 * one), (0 * one, one))]
        ways = profit
        if moved[0] is not None and moved[1] is not None:
            ways = (moved[0] * profit[0], -moved[1] * profit[1])
        common = lcm(ways[0].denominator, ways[1].denominator)
        self._rank = int(ways[0] * common), int(ways[1] * common)

    def weight(self, revenue_units: int, cost_units: int) -> int:
        """Proportional to what it moves."""
        return revenue_units * self._rank[0] + cost_units * self._rank[1]

    def finding(self, part: Part, causes: Sequence[Cause]) -> Finding:
        """These causes as one."""
        revenue = Fraction(sum(cause.revenue_units for cause in causes), revenue_drivers.EFFECT_PARTS)
        cost = sum(cause.cost_units for cause in causes) * self._bridge.minor_per_cost_unit
        customers = {cause.customer_id for cause in causes}
        return Finding(
            part=part,
            customer_id=causes[0].customer_id if len(customers) == 1 else None,
            subject=_main(part, causes).subject or None,
            customers=len(customers),
            profit_minor=revenue - cost,
            points=points(self._bridge.before.totals, self._bridge.after.totals, revenue, cost),
        )


def _main(part: Part, causes: Sequence[Cause]) -> Cause:
    """The cause that names the others: of a move between models the model that it went to, else the biggest."""
    if part == "model_mix":
        return max(causes, key=lambda cause: (cause.cost_units, cause.subject))
    return max(causes, key=lambda cause: (abs(cause.cost_units), abs(cause.revenue_units), cause.subject))


_Groups = list[tuple[int, Part, list[Cause]]]


def _grouped(scale: _Scale, part: Part, causes: Sequence[Cause], by: Callable[[Cause], str | None]) -> _Groups:
    """Causes by customer or subject with what each group moves, the biggest first."""
    groups: dict[str | None, list[Cause]] = defaultdict(list)
    for cause in causes:
        groups[by(cause)].append(cause)
    weighed = [
        (
            scale.weight(sum(cause.revenue_units for cause in group), sum(cause.cost_units for cause in group)),
            part,
            group,
        )
        for group in groups.values()
    ]
    return sorted(weighed, key=lambda each: (-abs(each[0]), each[2][0].customer_id or "", each[2][0].subject))


def _behind(scale: _Scale, groups: _Groups) -> Behind:
    shown = tuple(scale.finding(part, group) for _, part, group in groups[:SHOWN])
    rest = [cause for _, _, group in groups[SHOWN:] for cause in group]
    others = scale.finding(groups[0][1], rest).profit_minor if rest else Fraction(0)
    return Behind(shown=shown, others=len(groups[SHOWN:]), others_profit_minor=others)


def summarize(bridge: Bridge) -> Summary:
    """All that a page, a command or a report says of a bridge."""
    scale = _Scale(bridge)
    by_part: dict[Part, list[Cause]] = defaultdict(list)
    for cause in bridge.causes:
        by_part[cause.part].append(cause)
    customers = {part: _grouped(scale, part, causes, _customer) for part, causes in by_part.items()}
    subjects = {part: _grouped(scale, part, causes, _subject) for part, causes in by_part.items()}
    found: list[Finding] = []
    for step in bridge.steps:
        if step.part in _AS_ONE:
            if step.profit_minor:
                found.append(_whole(by_part.get(step.part, []), step))
        else:
            groups = (subjects if step.part in _BY_MODEL else customers).get(step.part, [])
            for is_up in (True, False):
                same_way = [group for group in groups if (group[0] > 0) == is_up][:TOLD]
                found += [scale.finding(part, causes) for _, part, causes in same_way]
    return Summary(
        before=bridge.before.totals,
        after=bridge.after.totals,
        steps=bridge.steps,
        told=tuple(_told(found, bridge.steps)),
        by_customer={part: _behind(scale, groups) for part, groups in customers.items()},
        by_subject={part: _behind(scale, groups) for part, groups in subjects.items()},
    )


def _customer(cause: Cause) -> str | None:
    return cause.customer_id


def _subject(cause: Cause) -> str | None:
    return cause.subject


def _whole(causes: Sequence[Cause], step: Step) -> Finding:
    customers = {cause.customer_id for cause in causes}
    return Finding(
        part=step.part,
        customer_id=next(iter(customers)) if len(customers) == 1 else None,
        subject=None,
        customers=len(customers),
        profit_minor=Fraction(step.profit_minor),
        points=step.points,
    )


def _told(found: Sequence[Finding], steps: Sequence[Step]) -> list[Finding]:
    """Those that pull the change's way first, at most TOLD with one that pulls against it, each worth telling."""
    moved = sum(step.profit_minor for step in steps)
    change = sum((step.points or Fraction() for step in steps), Fraction()) or Fraction(moved)
    told = [
        each
        for each in found
        if (
            abs(each.points) >= WORTH_TELLING if each.points is not None else 100 * abs(each.profit_minor) >= abs(moved)
        )
    ]
    with_it = sorted((each for each in told if each.weight * change > 0), key=lambda each: -abs(each.weight))
    against = sorted((each for each in told if each.weight * change <= 0), key=lambda each: -abs(each.weight))
    return with_it[: TOLD - 1] + against[:1] if against and with_it else (with_it or against)[:TOLD]
