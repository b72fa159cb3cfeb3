"""The comparison of retry schedules can be repeated to the cent, and its judge finds what breaks the networks' rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bench.retry_schedules import SCHEDULES, Schedule, Tally, compare, no_mails, run_case
from bench.retry_worlds import draw_cases, draw_world
from billing.retry_schedule import Attempt, FailedInvoice

INVOICES = 120


@pytest.fixture(scope="module")
def tallies() -> dict[str, list[Tally]]:
    return compare([1, 2], INVOICES)


def test_the_same_seeds_give_the_same_cents(tallies: dict[str, list[Tally]]) -> None:
    named = [schedule for schedule in SCHEDULES if schedule.name in {"ours", "blind 8 in 14 days"}]
    again = compare([1, 2], INVOICES, named)
    assert again == {schedule.name: tallies[schedule.name] for schedule in named}
    assert tallies["ours"][0] != tallies["ours"][1]  # another seed is another world


def test_our_schedule_breaks_no_rule_of_the_networks(tallies: dict[str, list[Tally]]) -> None:
    for name in ("ours", "ours; no mails"):
        assert [(tally.violations, tally.over_budget) for tally in tallies[name]] == [(0, 0), (0, 0)]
        assert all(tally.recovered_cents > 0 for tally in tallies[name])


def test_the_judge_finds_schedules_that_break_them(tallies: dict[str, list[Tally]]) -> None:
    assert all(tally.violations > 0 for tally in tallies["blind 8 in 14 days"])
    assert all(tally.over_budget > 0 for tally in tallies["daily for 28 days"])
    assert [tally.recovered_cents for tally in tallies["none"]] == [0, 0]


def test_a_single_try_of_a_lost_card_is_one_violation_with_its_fee() -> None:
    world = draw_world(1)
    lost = next(
        case for case in draw_cases(world, 500) if case.cause == "lost" and case.brand == "visa" and not case.is_hidden
    )

    def once(_invoice: FailedInvoice, made: Sequence[Attempt]) -> datetime | None:
        return lost.invoice.failed_at + timedelta(days=3) if len(made) == 1 else None

    tally = Tally()
    run_case(world, lost, Schedule("once", once, no_mails), tally)
    fee_cents = 2 + 10 + (5 if lost.is_cross_border else 0)  # the try, Visa's fee, more across a border
    assert (tally.tries, tally.violations, tally.fees_cents, tally.recovered_cents) == (1, 1, fee_cents, 0)
