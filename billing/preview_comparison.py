"""Our lines of a change beside Stripe's, one by one, and a name for every difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.commands import Raw
from billing.subscription_estimate import Estimate, net_minor
from pricing.proration import Bill, Line, bill

ROUNDING_MINOR = 1
CAUSES = {
    "rounding": "One minor unit of rounding: Stripe rounds at another place.",
    "refunded": "Stripe credits unused time though it was refunded already; our figure leaves out what went back.",
    "discount": "A discount of the subscription is known to Stripe only.",
    "waiting": "It was waiting for the next invoice already, whatever the change.",
    "next_period": "The next period, billed anyway.",
    "usage": "Usage of the running period, which only Stripe knows.",
    "not_billed": "Stripe credits a line that is on no invoice we hold.",
    "nothing": "A line of nothing.",
    "unexplained": "Not explained: look at both before confirming.",
}


@dataclass(frozen=True)
class TheirLine:
    """A line of Stripe's preview: `amount_minor` after discounts, before exclusive tax."""

    description: str
    amount_minor: int
    currency: str
    start: datetime
    end: datetime
    is_proration: bool


@dataclass(frozen=True)
class Row:
    """One line of ours, one of theirs, or both. `cause` is a key of CAUSES; None where they agree."""

    ours: Line | None
    theirs: TheirLine | None
    cause: str | None

    @property
    def difference_minor(self) -> int:
        """Theirs less ours; a missing line is nothing."""
        ours = self.ours.amount_minor if self.ours else 0
        return (self.theirs.amount_minor if self.theirs else 0) - ours


@dataclass(frozen=True)
class Comparison:
    """Both sides of a preview. The sums in minor units: theirs before tax, its tax, and what Stripe asks for after balances.

    `standing` is what becomes of Stripe's total by our arithmetic, with the balance that the customer has.
    """

    rows: tuple[Row, ...]
    ours_minor: int
    theirs_minor: int
    tax_minor: int
    due_minor: int
    standing: Bill
    currency: str

    @property
    def is_explained(self) -> bool:
        """Whether every difference has a cause."""
        return all(row.cause != "unexplained" for row in self.rows)


def their_lines(invoice: Raw) -> list[TheirLine]:
    """The lines of Stripe's preview."""
    return [
        TheirLine(
            str(line["description"]),
            net_minor(line),
            line["currency"],
            datetime.fromtimestamp(line["period"]["start"], UTC),
            datetime.fromtimestamp(line["period"]["end"], UTC),
            _is_proration(line),
        )
        for line in invoice["lines"]["data"]
    ]


def compare(estimate: Estimate, invoice: Raw, subscription: Raw) -> Comparison:
    """Match our lines with those of Stripe's preview (`invoice`) of the same change, each at most once.

    Lines of the same sign and sort belong together, of several the one nearest in time and then in amount.
    """
    left = their_lines(invoice)
    rows: list[Row] = []
    for ours in estimate.lines:
        fitting = [theirs for theirs in left if _fits(ours, theirs)]
        theirs = min(fitting, key=lambda one: _distance(ours, one), default=None)
        if theirs is not None:
            left.remove(theirs)
        rows.append(Row(ours, theirs, _cause(ours, theirs, estimate)))
    rows += [Row(None, theirs, _cause_of_theirs(theirs, estimate, subscription)) for theirs in left]
    return Comparison(
        tuple(rows),
        estimate.total_minor,
        sum(theirs.amount_minor for theirs in their_lines(invoice)),
        sum(tax["amount"] for tax in invoice.get("total_taxes") or []),
        int(invoice["amount_due"]),
        bill(int(invoice["total"]), int(invoice.get("starting_balance") or 0)),
        str(invoice["currency"]),
    )


def _fits(ours: Line, theirs: TheirLine) -> bool:
    same_sort = theirs.is_proration == (ours.kind != "new_period")
    return same_sort and (ours.amount_minor < 0) == (theirs.amount_minor < 0)


def _distance(ours: Line, theirs: TheirLine) -> tuple[float, int]:
    return abs((ours.start - theirs.start).total_seconds()), abs(ours.amount_minor - theirs.amount_minor)


def _cause(ours: Line, theirs: TheirLine | None, estimate: Estimate) -> str | None:
    if theirs is None:
        return "unexplained"
    difference = theirs.amount_minor - ours.amount_minor
    if difference == 0:
        return None
    reasons: Sequence[tuple[bool, str]] = (
        (abs(difference) <= ROUNDING_MINOR, "rounding"),
        (
            ours.uncapped_minor not in {None, ours.amount_minor} and theirs.amount_minor == ours.uncapped_minor,
            "refunded",
        ),
        (estimate.has_unknown_discount and 0 <= theirs.amount_minor < ours.amount_minor, "discount"),
    )
    return next((cause for is_so, cause in reasons if is_so), "unexplained")


def _cause_of_theirs(theirs: TheirLine, estimate: Estimate, subscription: Raw) -> str:
    ends = min(datetime.fromtimestamp(item["current_period_end"], UTC) for item in subscription["items"]["data"])
    starts = {line.start for line in estimate.lines if line.kind != "new_period"}
    metered = any(
        item["price"].get("recurring", {}).get("usage_type") == "metered" for item in subscription["items"]["data"]
    )
    reasons: Sequence[tuple[bool, str]] = (
        (not theirs.is_proration and theirs.start >= ends, "next_period"),
        (not theirs.is_proration and metered, "usage"),
        (theirs.amount_minor == 0, "nothing"),
        (theirs.is_proration and bool(starts) and theirs.start not in starts, "waiting"),
        (theirs.is_proration and theirs.amount_minor < 0 and bool(estimate.notes), "not_billed"),
    )
    return next((cause for is_so, cause in reasons if is_so), "unexplained")


def _is_proration(line: Raw) -> bool:
    parent = line.get("parent") or {}
    details = parent.get(parent.get("type") or "") or {}
    return bool(details.get("proration"))
