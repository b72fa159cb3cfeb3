"""One company month as the pages show it: exact integers, unknown as None, and whether the month is still running."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing.coverage import Coverage, Reason
from pricing.margin import Status


@dataclass(frozen=True)
class Month:
    """Amounts in minor units of the reporting currency; shares of net revenue are None when nothing was sold.

    `net_revenue_minor` is None where an amount in it has no exchange rate; the parts before it then hold what is known.
    """

    month: date
    gross_minor: int
    discounts_minor: int
    credits_minor: int
    refunds_minor: int
    disputes_minor: int
    net_revenue_minor: int | None
    fees_minor: int
    cost_minor: int
    share: Fraction | None
    low: Fraction | None
    high: Fraction | None
    coverage: Coverage
    status: Status
    reasons: tuple[Reason, ...]
    is_partial: bool

    @property
    def gross_profit_minor(self) -> int | None:
        """Net revenue minus AI cost; None where net revenue is unknown."""
        return None if self.net_revenue_minor is None else self.net_revenue_minor - self.cost_minor

    @property
    def cost_share(self) -> Fraction | None:
        """AI cost as a share of net revenue."""
        return None if self.share is None else 1 - self.share
