"""What the tests of the detectors' rules share: a day, dollars, and the default limits."""

from datetime import date

from pricing.finding import Detector, Subject
from pricing.money import NANO
from pricing.watch_limits import Limits
from pricing.watching import Watching

DAY = date(2026, 11, 30)


def watching(
    limits: dict[tuple[Detector, str], int] | None = None,
    *open_ones: tuple[Detector, Subject],
    currency: str = "usd",
    usd_rate_nano: int | None = NANO,
) -> Watching:
    """The defaults, but for the limits given, with alerts open for these subjects."""
    return Watching(
        day=DAY,
        limits=Limits(currency, usd_rate_nano, limits or {}),
        open_keys={(detector, subject.key) for detector, subject in open_ones},
    )
