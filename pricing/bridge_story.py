"""What is behind a bridge: its causes put together by customer and model, and those few that tell most of the story."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing import revenue_drivers
from pricing.margin_bridge import Bridge, Cause, Part, points

# A price is the model's doing; whoever uses it is only hit.
_BY_MODEL: frozenset[Part] = frozenset({"token_price"})
# Told as one: who came and who left is a number of customers, and a rate moves everybody.
_AS_ONE: frozenset[Part] = frozenset({"customers_gained", "customers_lost", "exchange_rate", "unreconciled"})
TOLD = 3
# What moves the margin by less than this, or the profit by less than a hundredth of the whole move, is no story.
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
        """What findings are ranked by."""
        return abs(self.profit_minor)


def behind(bridge: Bridge, part: Part, by: Callable[[Cause], str | None]) -> list[Finding]:
    """The causes of a part, put together by customer (`by_customer`) or model (`by_subject`), the biggest first."""
    groups: dict[str | None, list[Cause]] = defaultdict(list)
    for cause in bridge.causes:
        if cause.part == part:
            groups[by(cause)].append(cause)
    return sorted((_finding(bridge, part, causes) for causes in groups.values()), key=_rank)


def by_customer(cause: Cause) -> str | None:
    """Put causes together by customer."""
    return cause.customer_id


def by_subject(cause: Cause) -> str | None:
    """Put causes together by model, or by stream of revenue."""
    return cause.subject


def story(bridge: Bridge) -> list[Finding]:
    """The findings that tell most of the change, those that pull its way first, at most TOLD, each worth telling."""
    found: list[Finding] = []
    for step in bridge.steps:
        if step.part in _AS_ONE:
            if step.profit_minor:
                found.append(_whole(bridge, step.part, step.profit_minor, step.points))
        else:
            found += behind(bridge, step.part, by_subject if step.part in _BY_MODEL else by_customer)
    moved = sum(step.profit_minor for step in bridge.steps)
    change = sum((step.points or Fraction() for step in bridge.steps), Fraction()) or Fraction(moved)

    def weight(finding: Finding) -> Fraction:
        return finding.points if finding.points is not None else finding.profit_minor

    told = [
        finding
        for finding in found
        if (abs(finding.points) >= WORTH_TELLING if finding.points is not None else 100 * finding.weight >= abs(moved))
    ]
    with_it = sorted((each for each in told if weight(each) * change > 0), key=lambda each: -abs(weight(each)))
    against = sorted((each for each in told if weight(each) * change <= 0), key=lambda each: -abs(weight(each)))
    return (with_it[: TOLD - 1] + against[:1]) if against and with_it else (with_it or against)[:TOLD]


def _whole(bridge: Bridge, part: Part, profit_minor: int, moved: Fraction | None) -> Finding:
    customers = {cause.customer_id for cause in bridge.causes if cause.part == part}
    return Finding(
        part=part,
        customer_id=next(iter(customers)) if len(customers) == 1 else None,
        subject=None,
        customers=len(customers),
        profit_minor=Fraction(profit_minor),
        points=moved,
    )


def _finding(bridge: Bridge, part: Part, causes: Sequence[Cause]) -> Finding:
    revenue = Fraction(sum(cause.revenue_units for cause in causes), revenue_drivers.EFFECT_PARTS)
    cost = sum(cause.cost_units for cause in causes) * bridge.minor_per_cost_unit
    customers = {cause.customer_id for cause in causes}
    # Of a move between models the one that it went to is told: what was added there.
    main = max(causes, key=lambda cause: (cause.cost_units, cause.revenue_units, cause.subject))
    if part != "model_mix":
        main = max(causes, key=lambda cause: (abs(cause.cost_units), abs(cause.revenue_units), cause.subject))
    return Finding(
        part=part,
        customer_id=causes[0].customer_id if len(customers) == 1 else None,
        subject=main.subject or None,
        customers=len(customers),
        profit_minor=revenue - cost,
        points=points(bridge.before, bridge.after, revenue, cost),
    )


def _rank(finding: Finding) -> tuple[Fraction, str, str]:
    return -finding.weight, finding.customer_id or "", finding.subject or ""
