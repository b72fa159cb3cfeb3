"""Retry schedules compared on made-up worlds of failed payments: dollars recovered, tries, fees, and rules of the networks broken."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.retry_worlds import HORIZON, Case, World, answer_to, decline_of, draw_cases, draw_world, pays
from billing.decline_classes import Decline
from billing.recovery_mails import planned_mails
from billing.retry_schedule import Attempt, FailedInvoice, plan

RESULTS = Path(__file__).parent / "results" / "retry_schedules.json"
WORLDS, INVOICES = 14, 1_500
TRY_FEE_CENTS = 2
VISA_FEE_CENTS, VISA_CROSS_BORDER_CENTS = 10, 5
# The judge's own copy of the rules, so that a fault in the schedule's tables cannot acquit it. Source: docs/recovery.md.
STOP_CODES = frozenset({
    "incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization",
    "revocation_of_all_authorizations", "authentication_required", "highest_risk_level", "transaction_not_allowed", "invalid_account",
})  # fmt: skip
VISA_STOPS = frozenset(["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"])
MASTERCARD_STOPS = frozenset({"03", "21"})
WAIT_HOURS = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}

NextTry = Callable[[FailedInvoice, Sequence[Attempt]], datetime | None]
Mails = Callable[[FailedInvoice, Decline], list[datetime]]


@dataclass(frozen=True)
class Schedule:
    """A schedule under test: it sees the invoice and its declined tries, and nothing of the world behind them."""

    name: str
    next_try: NextTry
    mails: Mails


@dataclass
class Tally:
    """What one schedule did in one world; money in US cents."""

    invoices: int = 0
    at_stake_cents: int = 0
    recovered_cents: int = 0
    tries: int = 0
    fees_cents: int = 0
    violations: int = 0
    over_budget: int = 0


def forbids(decline: Decline) -> bool:
    """Whether a bank's or network's word forbids every further try of the card."""
    return (
        decline.decline_code in STOP_CODES
        or decline.advice_code == "do_not_try_again"
        or (decline.brand == "visa" and decline.network_decline_code in VISA_STOPS)
        or (decline.brand == "mastercard" and decline.network_advice_code in MASTERCARD_STOPS)
    )


def wait_of(decline: Decline) -> timedelta:
    """How long Mastercard says to wait (advice 24 to 30)."""
    hours = WAIT_HOURS.get(decline.network_advice_code or "", 0) if decline.brand == "mastercard" else 0
    return timedelta(hours=hours)


def fixed(*days: float, stops: bool = False, waits: bool = False) -> NextTry:
    """Tries so many days after the failure, whatever the bank says; or heeding its prohibitions, or its waits."""

    def next_try(invoice: FailedInvoice, made: Sequence[Attempt]) -> datetime | None:
        if stops and any(forbids(attempt.decline) for attempt in made):
            return None
        at = invoice.failed_at + timedelta(days=days[len(made) - 1]) if len(made) <= len(days) else None
        if at is None or not waits:
            return at
        return max(
            at, made[-1].at + timedelta(minutes=1), made[-1].at + wait_of(made[-1].decline) + timedelta(minutes=1)
        )

    return next_try


def ours(invoice: FailedInvoice, made: Sequence[Attempt]) -> datetime | None:
    """The product's own schedule, asked right after each declined try."""
    planned = plan(invoice, made, made[-1].at)
    return planned.at if planned.verdict == "retry" else None


def our_mails(invoice: FailedInvoice, decline: Decline) -> list[datetime]:
    """The product's own mails."""
    return [mail.at for mail in planned_mails(decline, invoice.failed_at)]


def usual_mails(invoice: FailedInvoice, _decline: Decline) -> list[datetime]:
    """At once, after three and after seven days."""
    return [invoice.failed_at + timedelta(days=days) for days in (0, 3, 7)]


def no_mails(_invoice: FailedInvoice, _decline: Decline) -> list[datetime]:
    """None."""
    return []


EIGHT = (1, 2, 3, 5, 7, 9, 11, 14)
SCHEDULES = (
    Schedule("none", fixed(), no_mails),
    Schedule("mails only (0, 3, 7)", fixed(), usual_mails),
    Schedule("3, 5, 7", fixed(3, 5, 7), usual_mails),
    Schedule("Kill Bill (8, 16, 24)", fixed(8, 16, 24), usual_mails),
    Schedule("Polar (2, 7, 14, 21)", fixed(2, 7, 14, 21), usual_mails),
    Schedule("blind 8 in 14 days", fixed(*EIGHT), usual_mails),
    Schedule("daily for 28 days", fixed(*range(1, 29)), usual_mails),
    Schedule("8 in 14 days, stop and wait", fixed(*EIGHT, stops=True, waits=True), usual_mails),
    Schedule("ours", ours, our_mails),
    Schedule("8 in 14 days, stop and wait; no mails", fixed(*EIGHT, stops=True, waits=True), no_mails),
    Schedule("ours; no mails", ours, no_mails),
)


def run_case(world: World, case: Case, schedule: Schedule, tally: Tally) -> None:
    """Follow one invoice for 30 days, until it is paid by a try, by a customer whom a mail moved, or not at all."""
    failed_at = case.invoice.failed_at
    end = failed_at + HORIZON
    made = [Attempt(failed_at, "stripe", decline_of(world, case, 0), case.invoice.payment_method_id)]
    answered = answer_to(world, case, schedule.mails(case.invoice, made[0].decline))
    until = end if answered is None else min(end, answered)
    tally.invoices += 1
    tally.at_stake_cents += case.amount_cents
    is_paid = answered is not None and answered <= end
    while (at := schedule.next_try(case.invoice, made)) is not None and at <= until:
        _judge(world, case, made, at, tally)
        if pays(world, case, at, [attempt.at for attempt in made]):
            is_paid = True
            break
        made.append(Attempt(at, "ours", decline_of(world, case, len(made)), case.invoice.payment_method_id))
    tally.recovered_cents += case.amount_cents if is_paid else 0


def _judge(world: World, case: Case, made: Sequence[Attempt], at: datetime, tally: Tally) -> None:
    """Count a try with its fees and what it breaks."""
    last = made[-1]
    network_fee = (
        VISA_FEE_CENTS + VISA_CROSS_BORDER_CENTS * case.is_cross_border
        if case.brand == "visa"
        else world.mastercard_fee_cents
    )
    is_violation = any(forbids(attempt.decline) for attempt in made) or at < last.at + wait_of(last.decline)
    in_day, in_month = (sum(at - attempt.at < timedelta(days=days) for attempt in made) + 1 for days in (1, 30))
    is_over = (case.brand == "visa" and in_month > 15) or (
        case.brand == "mastercard" and (in_day > 10 or in_month > 35)
    )
    tally.tries += 1
    tally.fees_cents += TRY_FEE_CENTS + network_fee * (is_violation or is_over)
    tally.violations += is_violation
    tally.over_budget += is_over


def compare(seeds: Sequence[int], invoices: int, schedules: Sequence[Schedule] = SCHEDULES) -> dict[str, list[Tally]]:
    """What every schedule did in every world, in the order of the seeds; the same seeds give the same numbers."""
    tallies: dict[str, list[Tally]] = {schedule.name: [] for schedule in schedules}
    for seed in seeds:
        world = draw_world(seed)
        cases = draw_cases(world, invoices)
        for schedule in schedules:
            tally = Tally()
            for case in cases:
                run_case(world, case, schedule, tally)
            tallies[schedule.name].append(tally)
    return tallies


def row(name: str, tallies: Sequence[Tally]) -> dict[str, object]:
    """One schedule over all worlds; the standard error is that of the mean over worlds."""
    percents = [100 * tally.recovered_cents / tally.at_stake_cents for tally in tallies]
    invoices = sum(tally.invoices for tally in tallies)
    error = statistics.stdev(percents) / len(percents) ** 0.5 if len(percents) > 1 else 0.0
    return {
        "schedule": name,
        "recovered_percent": round(statistics.mean(percents), 1),
        "standard_error": round(error, 1),
        "tries_per_invoice": round(sum(tally.tries for tally in tallies) / invoices, 2),
        "fees_usd_per_1000": round(sum(tally.fees_cents for tally in tallies) / invoices * 10),
        "violations_per_1000": round(sum(tally.violations for tally in tallies) / invoices * 1_000, 1),
        "over_budget_per_1000": round(sum(tally.over_budget for tally in tallies) / invoices * 1_000, 1),
    }


def lead(tallies: dict[str, list[Tally]], better: str, than: str) -> str:
    """How many points one schedule is ahead of another, world by world, with the standard error of that difference."""
    ahead = [
        100 * (ours.recovered_cents / ours.at_stake_cents - other.recovered_cents / other.at_stake_cents)
        for ours, other in zip(tallies[better], tallies[than], strict=True)
    ]
    error = statistics.stdev(ahead) / len(ahead) ** 0.5
    won = sum(points > 0 for points in ahead)
    return f"{better!r} against {than!r}: {statistics.mean(ahead):+.1f} ± {error:.1f} points, ahead in {won} of {len(ahead)} worlds"


def main() -> int:
    """Compare, print the table and keep the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.worlds)
    tallies = compare(seeds, options.invoices)
    measures = [row(name, found) for name, found in tallies.items()]
    table = Table(
        title=f"{options.worlds} worlds of {options.invoices} failed invoices, seeds from {options.first_seed}"
    )
    for heading in measures[0]:
        table.add_column(heading.replace("_", " "), justify="left" if heading == "schedule" else "right")
    for measure in measures:
        table.add_row(*(str(value) for value in measure.values()))
    Console(width=150).print(table)
    print(lead(tallies, "ours", "8 in 14 days, stop and wait"))
    print(lead(tallies, "ours; no mails", "8 in 14 days, stop and wait; no mails"))
    if (options.worlds, options.invoices, options.first_seed) == (WORLDS, INVOICES, 1):
        machine = {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "worlds": options.worlds,
            "invoices_per_world": options.invoices,
        }
        told = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine,
            "measures": measures,
        }
        RESULTS.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
