"""How many calls each account makes on each day: growth, weekdays, a few accounts far above the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.billing.calendar import DAY, moment
from sandbox.company.months import Span
from sandbox.company.roster import (
    BURNER,
    CANCELLATIONS,
    INTERNAL_ACCOUNTS,
    JUMP_MONTH,
    JUMPER,
    MONTHS,
    POWER_USER,
    Account,
    roster,
)

FIRST_MONTH_CALLS = 11_700
GROWTH_A_MONTH = 1.065
POWER_SHARE = 0.41
BURNER_SHARE = 0.045
INTERNAL_SHARE = 0.015
RUNAWAY_CALLS = 3_500
WEEKDAY = (1.12, 1.18, 1.20, 1.16, 1.06, 0.64, 0.64)
# Calls by hour of the account's own day.
HOURS = (2, 1, 1, 1, 1, 2, 3, 5, 8, 11, 12, 11, 9, 10, 12, 11, 10, 8, 6, 5, 4, 4, 3, 2)
UTC_OFFSET = {"US": -6, "AU": 10}

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Calls:
    """Calls by source and day. A source is an account, then one of the internal ones, then the runaway agent."""

    sources: list[str]
    profiles: list[str]
    offsets: list[int]
    expected: Floats

    @property
    def runaway_row(self) -> int:
        """The row of the runaway agent, whose calls belong to the jumping customer."""
        return len(self.sources) - 1


def calls(span: Span) -> Calls:
    """The expected number of calls, one row per source and one column per day."""
    accounts = roster()
    months = np.array([_month_of(span, day) for day in range(span.days)])
    per_day = _calls_per_day(span, months)
    weights = np.array([account.weight for account in accounts], dtype=np.float64)[:, None] * _active(span, accounts)
    weights *= _ups_and_downs(len(accounts), months)
    rest = 1 - POWER_SHARE - BURNER_SHARE - INTERNAL_SHARE
    shares = rest * weights / weights.sum(axis=0)
    shares[POWER_USER] = POWER_SHARE
    shares[BURNER] = BURNER_SHARE * (months >= accounts[BURNER].month)
    internal = np.full((len(INTERNAL_ACCOUNTS), span.days), INTERNAL_SHARE / len(INTERNAL_ACCOUNTS))
    runaway = np.zeros((1, span.days))
    expected = np.vstack([np.vstack([shares, internal]) * per_day, runaway])
    first, last = span.at(JUMP_MONTH, 5), span.month(MONTHS - 1) + 3 * DAY
    days = [day for day in range(span.days) if first <= span.first + day * DAY < last]
    expected[-1, days] = RUNAWAY_CALLS / 27
    names = [account.account_id for account in accounts]
    return Calls(
        sources=[*names, *INTERNAL_ACCOUNTS, names[JUMPER]],
        profiles=[*(account.profile for account in accounts), *("steady" for _ in INTERNAL_ACCOUNTS), "runaway"],
        offsets=[*(UTC_OFFSET.get(account.country, 1) for account in accounts), 0, 0, 0, -6],
        expected=expected,
    )


def _month_of(span: Span, day: int) -> int:
    at, first = moment(span.first + day * DAY), moment(span.first)
    return (at.year - first.year) * 12 + at.month - first.month


def _calls_per_day(span: Span, months: Ints) -> Floats:
    """The month's calls spread over its days by weekday; the month of `as_of` has its part of a month."""
    weekday = np.array([WEEKDAY[moment(span.first + day * DAY).weekday()] for day in range(span.days)])
    lengths = np.array([(span.month(m + 1) - span.month(m)) // DAY for m in range(MONTHS)])
    monthly = FIRST_MONTH_CALLS * GROWTH_A_MONTH ** np.arange(MONTHS)
    spread: Floats = monthly[months] / lengths[months] * weekday
    return spread


def _active(span: Span, accounts: list[Account]) -> Floats:
    """1 on days on which the account is a customer, and a little after it left."""
    ends = {index: span.at(month, 28) for index, month, _, _ in CANCELLATIONS}
    starts = np.array([span.month(account.month) for account in accounts])[:, None]
    stops = np.array([ends.get(account.index, span.as_of + DAY) for account in accounts])[:, None]
    days = span.first + np.arange(span.days)[None, :] * DAY
    active: Floats = ((days >= starts) & (days < stops)).astype(np.float64)
    return active


def _ups_and_downs(rows: int, months: Ints) -> Floats:
    """Slow changes of fashion between accounts, the same for every seed so that the months' sums stay."""
    phase = np.arange(rows)[:, None] * 2.4
    waves: Floats = 1 + 0.25 * np.sin(phase + months[None, :] * 0.9)
    return waves
