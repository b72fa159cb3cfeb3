"""Amounts, shares and spans as the sentences of the detectors say them."""

from datetime import date
from fractions import Fraction

from pricing.money import divide_half_away, exponent

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
MILLION = 1_000_000


def money(minor: int, currency: str) -> str:
    """$1,234.50, -€3.00, ¥1,200, 12.00 CHF."""
    places = exponent(currency)
    whole, part = divmod(abs(minor), 10**places)
    digits = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    symbol = _SYMBOLS.get(currency)
    return f"{'-' if minor < 0 else ''}" + (f"{symbol}{digits}" if symbol else f"{digits} {currency.upper()}")


def ppm(share: Fraction) -> int:
    """A share in parts per million, half away from zero."""
    return divide_half_away(share.numerator * MILLION, share.denominator)


def percent(share_ppm: int) -> str:
    """12.3 %; a share that is not whole never reads as 100 %, one that is not nothing never as 0 %."""
    tenths = divide_half_away(share_ppm, 1_000)
    if tenths == 1_000 and share_ppm < MILLION:
        tenths = 999
    if tenths == 0 and share_ppm:
        return f"{'-' if share_ppm < 0 else ''}{abs(share_ppm) / 10_000:.2g} %"
    return f"{tenths / 10:.1f} %".replace(".0 %", " %")


def points(moved_ppm: int) -> str:
    """A move between two shares: 3.2 points."""
    return f"{percent(moved_ppm).removesuffix(' %')} points"


def day_words(day: date) -> str:
    """28 November."""
    return f"{day.day} {day:%B}"


def possessive(name: str) -> str:
    """Ada's, Halcyon Freightways'."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 payment, 1,204 payments."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
