"""Made-up worlds of failed card payments, for comparing retry schedules: causes nobody sees, paydays, tired banks, answered mails.

There is no public data set of retries, so every parameter is drawn anew for each world and no schedule can be fitted to one of
them. Levels are set so that common schedules recover what vendors publish (40 to 55 % with mails); only the ranking means anything.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

from billing.decline_classes import Decline
from billing.retry_schedule import FailedInvoice

HORIZON = timedelta(days=30)
Cause = Literal["funds", "blocked", "busy", "expired", "lost", "authentication"]
ZONES = tuple(ZoneInfo(name) for name in (
    "America/New_York", "America/Chicago", "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Asia/Singapore",
))  # fmt: skip
RHYTHMS = ("1st", "15th", "1st and 15th", "25th", "weekly", "biweekly")
# What is said of each cause where nothing is hidden: Stripe's decline code and advice, and the network's own code.
TOLD: dict[Cause, tuple[tuple[str, str | None, str], ...]] = {
    "funds": (("insufficient_funds", "try_again_later", "51"),),
    "blocked": (("do_not_honor", "try_again_later", "05"), ("generic_decline", "try_again_later", "05")),
    "busy": (("issuer_not_available", "try_again_later", "91"), ("processing_error", "try_again_later", "96")),
    "expired": (("expired_card", "confirm_card_data", "54"),),
    "authentication": (("authentication_required", None, "1A"),),
    "lost": (
        ("lost_card", "do_not_try_again", "41"),
        ("stolen_card", "do_not_try_again", "43"),
        ("pickup_card", "do_not_try_again", "04"),
        ("incorrect_number", "do_not_try_again", "14"),
    ),
}
WAITING_ADVICE = ("24", "25", "26", "27", "28", "29", "30")


@dataclass(frozen=True)
class World:
    """What is true of all customers of one world; shares and chances from 0 to 1, fees in US cents."""

    seed: int
    causes: dict[Cause, float]
    hides_reason: float
    gives_mastercard_advice: float
    visa_share: float
    cross_border_share: float
    zone_is_known: float
    never_has_money: float
    money_lasts_days: float
    pays_when_good: float
    pays_otherwise: float
    block_ends: float
    block_days: float
    updater_reaches: float
    updater_days: float
    night_factor: float
    fatigue: float
    answers_mail: float
    mail_fatigue: float
    answer_days: float
    rhythms: dict[str, float]
    mastercard_fee_cents: int


@dataclass(frozen=True)
class Case:
    """One failed invoice of a world. `good` are the stretches of time in which its card could pay; `answers` one draw per mail."""

    number: int
    invoice: FailedInvoice
    amount_cents: int
    zone: ZoneInfo
    cause: Cause
    brand: str
    is_hidden: bool
    is_cross_border: bool
    good: tuple[tuple[datetime, datetime], ...]
    answers: tuple[tuple[float, timedelta], ...]


def draw_world(seed: int) -> World:
    """The world with this seed: always the same one."""
    rng = Random(f"world:{seed}")
    between = rng.uniform
    weights: dict[Cause, float] = {
        "funds": between(35, 55), "blocked": between(12, 25), "busy": between(3, 8),
        "expired": between(8, 15), "lost": between(8, 16), "authentication": between(3, 8),
    }  # fmt: skip
    return World(
        seed=seed,
        causes=weights,
        hides_reason=between(0.15, 0.5),
        gives_mastercard_advice=between(0.4, 0.9),
        visa_share=between(0.45, 0.65),
        cross_border_share=between(0.05, 0.3),
        zone_is_known=between(0.5, 1),
        never_has_money=between(0.4, 0.65),
        money_lasts_days=between(1.5, 6),
        pays_when_good=between(0.6, 0.9),
        pays_otherwise=between(0.01, 0.04),
        block_ends=between(0.25, 0.5),
        block_days=between(2, 8),
        updater_reaches=between(0.2, 0.4),
        updater_days=between(4, 12),
        night_factor=between(0.75, 0.95),
        fatigue=between(0.02, 0.08),
        answers_mail=between(0.06, 0.13),
        mail_fatigue=between(0.5, 0.8),
        answer_days=between(0.5, 2),
        rhythms={rhythm: between(0.2, 1) for rhythm in RHYTHMS},
        mastercard_fee_cents=round(between(30, 50)),
    )


def draw_cases(world: World, count: int) -> list[Case]:
    """The failed invoices of a world, the same for every schedule that is compared on it."""
    return [_draw_case(world, number, Random(f"case:{world.seed}:{number}")) for number in range(count)]


def decline_of(world: World, case: Case, number: int) -> Decline:
    """What the bank says to the declined try with this number (0: the one that failed first); hidden reasons stay hidden."""
    rng = Random(f"decline:{world.seed}:{case.number}:{number}")
    advice = _mastercard_advice(world, case, rng) if case.brand == "mastercard" else None
    if case.is_hidden:
        code = rng.choice(("generic_decline", "do_not_honor"))
        return Decline(case.brand, code, None, "05", advice if case.cause == "lost" else None)
    code, stripe_advice, network_code = rng.choice(TOLD[case.cause])
    return Decline(case.brand, code, stripe_advice, network_code, advice)


def pays(world: World, case: Case, at: datetime, failed_at: list[datetime]) -> bool:
    """Whether a try at that moment goes through, after those that failed; two schedules that try in one hour share the luck."""
    is_good = any(begin <= at < end for begin, end in case.good)
    if not is_good and case.cause in {"lost", "expired", "authentication"}:
        return False
    chance = world.pays_when_good if is_good else world.pays_otherwise
    if not 8 <= at.astimezone(case.zone).hour < 14:
        chance *= world.night_factor
    recent = sum(at - failed <= timedelta(days=7) for failed in failed_at)
    chance *= (1 - world.fatigue) ** recent
    return Random(f"try:{world.seed}:{case.number}:{at:%Y%m%d%H}").random() < chance


def answer_to(world: World, case: Case, mails: list[datetime]) -> datetime | None:
    """When the customer pays because of one of these mails; None when none moves them. Each next mail moves fewer."""
    eagerness = {"funds": 0.7, "blocked": 1.0, "busy": 0.7, "expired": 1.6, "lost": 1.6, "authentication": 1.8}[
        case.cause
    ]
    for number, (at, (luck, delay)) in enumerate(zip(mails, case.answers, strict=False)):
        if luck < world.answers_mail * eagerness * world.mail_fatigue**number:
            return at + delay
    return None


def _draw_case(world: World, number: int, rng: Random) -> Case:
    cause: Cause = rng.choices(list(world.causes), list(world.causes.values()))[0]
    failed_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(365 * 24 * 60))
    zone = rng.choice(ZONES)
    shown_zone = zone if rng.random() < world.zone_is_known else UTC
    brand = rng.choices(("visa", "mastercard", "amex"), (world.visa_share, 0.92 - world.visa_share, 0.08))[0]
    return Case(
        number=number,
        invoice=FailedInvoice(f"in_{world.seed}_{number}", "open", failed_at, "pm_1", zone=shown_zone),
        amount_cents=max(500, round(rng.lognormvariate(9.2, 1.0))),  # a median of $99
        zone=zone,
        cause=cause,
        brand=brand,
        is_hidden=cause != "authentication" and rng.random() < world.hides_reason,
        is_cross_border=rng.random() < world.cross_border_share,
        good=_good_times(world, cause, failed_at, zone, rng),
        answers=tuple((rng.random(), timedelta(days=rng.expovariate(1 / world.answer_days))) for _ in range(6)),
    )


def _good_times(
    world: World, cause: Cause, failed_at: datetime, zone: ZoneInfo, rng: Random
) -> tuple[tuple[datetime, datetime], ...]:
    """When the card could pay, after the failure."""
    end = failed_at + HORIZON
    later = {
        "blocked": (world.block_ends, world.block_days),
        "busy": (0.95, 0.25),
        "expired": (world.updater_reaches, world.updater_days),
    }
    if cause == "funds":
        if rng.random() < world.never_has_money:
            return ()
        rhythm = rng.choices(list(world.rhythms), list(world.rhythms.values()))[0]
        paid = _paydays(rhythm, failed_at, zone, rng.randrange(14))
        lasts = [timedelta(days=rng.expovariate(1 / world.money_lasts_days)) for _ in paid]
        return tuple((day, day + length) for day, length in zip(paid, lasts, strict=True))
    if cause not in later or rng.random() >= later[cause][0]:
        return ()
    return ((failed_at + timedelta(days=rng.expovariate(1 / later[cause][1])), end),)


def _paydays(rhythm: str, failed_at: datetime, zone: ZoneInfo, phase: int) -> list[datetime]:
    """The mornings (06:00 local) on which money comes, within the horizon."""
    first = failed_at.astimezone(zone).replace(hour=6, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=number) for number in range(1, HORIZON.days + 1)]
    chosen = {
        "1st": lambda day: day.day == 1,
        "15th": lambda day: day.day == 15,
        "1st and 15th": lambda day: day.day in {1, 15},
        "25th": lambda day: day.day == 25,
        "weekly": lambda day: day.weekday() == 4,
        "biweekly": lambda day: day.weekday() == 4 and (day.toordinal() // 7 + phase) % 2 == 0,
    }[rhythm]
    return [day.astimezone(UTC) for day in days if chosen(day)]


def _mastercard_advice(world: World, case: Case, rng: Random) -> str | None:
    if case.cause == "authentication" or rng.random() >= world.gives_mastercard_advice:
        return None
    if case.cause == "lost":
        return "03"
    if case.cause == "expired":
        return "01"
    return rng.choices(WAITING_ADVICE, (3, 4, 3, 3, 2, 1, 1))[0]
