"""The demo company built from nothing: deterministic in the state's seed and `as_of`."""

import random
from dataclasses import dataclass

import polars as pl

from sandbox.company.desk import plan_desk
from sandbox.company.months import Span
from sandbox.company.payouts import plan_payouts
from sandbox.company.people import Book, plan_people
from sandbox.company.plans import open_shop
from sandbox.company.roster import roster
from sandbox.company.timeline import Timeline
from sandbox.company.trouble import plan_trouble
from sandbox.company.usage import daily_kilotokens, usage_events
from sandbox.state import State


@dataclass(frozen=True)
class Company:
    """The demo company: Stripe's side in the state, the usage beside it."""

    state: State
    usage: pl.DataFrame


def build(state: State, as_of: int) -> Company:
    """Play fourteen months up to `as_of` (unix seconds UTC) in an empty state."""
    span = Span(as_of)
    usage = usage_events(state.seed, span)
    state.now = span.first
    kilotokens: dict[str, list[tuple[int, int]]] = {}
    for account_id, at, thousands in daily_kilotokens(usage).iter_rows():
        kilotokens.setdefault(account_id, []).append((at, thousands))
    book = Book(
        shop=open_shop(state),
        span=span,
        random=random.Random(f"company:{state.seed}"),  # noqa: S311 - the same seed must tell the same story
        kilotokens=kilotokens,
    )
    timeline = Timeline()
    plan_people(timeline, book, roster())
    plan_trouble(timeline, book)
    plan_desk(timeline, book)
    plan_payouts(timeline, span)
    timeline.play(state, as_of)
    return Company(state=state, usage=usage)
