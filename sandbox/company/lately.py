"""What happened in the demo company's last weeks: prompts that a release made longer, and a log that is late."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.billing.calendar import DAY, HOUR, moment
from sandbox.company.months import Span
from sandbox.company.roster import JUMP_MONTH, POWER_USER, roster
from sandbox.company.traffic import Floats, Ints

# The power user's agent calls with a key of its own.
AGENT_KEY = "key_agent"


# A release lets the power user's agent send its whole history with every call: the bill goes from 4 to 7 thousand dollars a month.
AGENT_FEATURE, RELEASED_DAYS_AGO, INPUT_TIMES = "agent", 12, 4.7
RUNAWAY_DAYS = 10
# The log of one provider's calls of that day has not come in.
LATE_PROVIDER, LATE_DAYS_AGO = "perplexity", 3


def input_factor(as_of: int, at: Ints, accounts: pl.Series, features: pl.Series) -> Floats:
    """What each call's input is multiplied by; `at` in unix seconds."""
    released_at = _midnight(as_of) - RELEASED_DAYS_AGO * DAY + 9 * HOUR
    return np.where(of_agent(accounts, features) & (at >= released_at), INPUT_TIMES, 1.0)


def of_agent(accounts: pl.Series, features: pl.Series) -> NDArray[np.bool_]:
    """Which calls are those of the power user's agent."""
    return ((accounts == roster()[POWER_USER].account_id) & (features == AGENT_FEATURE)).to_numpy()


def with_runaway_noticed(events: pl.DataFrame, span: Span, at: Ints, is_runaway: NDArray[np.bool_]) -> pl.DataFrame:
    """The runaway agent's calls of the last full month within ten days of it, and none after: then somebody noticed.

    They are moved once everything is drawn, so that nobody else's calls change with them. `at` are the events' seconds.
    """
    first, end = span.at(JUMP_MONTH, 6, 0), span.month(JUMP_MONTH + 1)
    moved = span.at(JUMP_MONTH, 3, 0) + (at - first) * RUNAWAY_DAYS * DAY // (end - first)
    later = pl.Series(np.where(is_runaway, moved - at, 0) * 1_000_000, dtype=pl.Int64).cast(pl.Duration("us"))
    is_made = pl.Series(np.logical_not(is_runaway) | (at < end))
    return events.with_columns(occurred_at=pl.col("occurred_at") + later).filter(is_made).sort("occurred_at")


def without_late_log(events: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """The events whose log has come in."""
    day = moment(_midnight(as_of) - LATE_DAYS_AGO * DAY).date()
    return events.filter(~((pl.col("provider") == LATE_PROVIDER) & (pl.col("occurred_at").dt.date() == day)))


def _midnight(at: int) -> int:
    return at - at % DAY
