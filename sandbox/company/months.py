"""The fourteen months of the demo, counted back from the month that holds `as_of`."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.billing.calendar import DAY, HOUR, add_months, moment
from sandbox.company.roster import MONTHS


@dataclass(frozen=True)
class Span:
    """From the first moment of the first month to `as_of`, in unix seconds UTC."""

    as_of: int

    @property
    def first(self) -> int:
        """The start of the first month."""
        return self.month(0)

    def month(self, index: int) -> int:
        """The first moment of the month counted from 0; the last one holds `as_of`."""
        here: datetime = moment(self.as_of).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return add_months(int(here.timestamp()), index - (MONTHS - 1))

    def at(self, month: int, day: int, hour: int = 10) -> int:
        """A moment in a month; days count from 1."""
        return self.month(month) + (day - 1) * DAY + hour * HOUR

    @property
    def days(self) -> int:
        """Days begun from the first to `as_of`."""
        return -(-(self.as_of - self.first) // DAY)
