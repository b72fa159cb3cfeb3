"""What happened in the demo company's last weeks: prompts that a release made longer, a run that got out of hand, a log that is late."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.billing.calendar import DAY, HOUR, moment
from sandbox.company.roster import EVALUATOR, POWER_USER, roster
from sandbox.company.traffic import Floats, Ints

# The power user's agent calls with a key of its own.
AGENT_KEY = "key_agent"


@dataclass(frozen=True)
class LongerPrompts:
    """From some days before `as_of` on, for some days, an account's calls of one feature take so many times the input."""

    account: int
    feature: str
    days_ago: int
    lasts_days: int
    times: float


# A release lets the power user's agent send its whole history with every call: the bill goes from 4 to 7 thousand dollars a month.
RELEASE = LongerPrompts(POWER_USER, "agent", 12, 13, 4.3)
# An evaluation with far too much context, stopped on its second day.
EVALUATION = LongerPrompts(EVALUATOR, "agent", 33, 2, 9.0)
# The log of one provider's calls of that day has not come in.
LATE_PROVIDER, LATE_DAYS_AGO = "perplexity", 3


def input_factor(as_of: int, at: Ints, accounts: pl.Series, features: pl.Series) -> Floats:
    """What each call's input is multiplied by; `at` in unix seconds."""
    factor: Floats = np.ones(at.size)
    names = [account.account_id for account in roster()]
    for story in (RELEASE, EVALUATION):
        begins = _midnight(as_of) - story.days_ago * DAY + 9 * HOUR
        ends = begins + story.lasts_days * DAY
        is_theirs = ((accounts == names[story.account]) & (features == story.feature)).to_numpy()
        factor[is_theirs & (at >= begins) & (at < ends)] = story.times
    return factor


def without_late_log(events: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """The events whose log has come in."""
    day = moment(_midnight(as_of) - LATE_DAYS_AGO * DAY).date()
    return events.filter(~((pl.col("provider") == LATE_PROVIDER) & (pl.col("occurred_at").dt.date() == day)))


def _midnight(at: int) -> int:
    return at - at % DAY
