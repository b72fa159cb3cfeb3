"""Prices and terms as people write them, in dollars per million tokens, to exact pico-USD, and back to words."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from pricing.contracts import (
    PPM,
    Commitment,
    Credit,
    Discount,
    Rule,
    TermRefused,
    UnitPrices,
    VolumeTiers,
)
from pricing.usage import BUCKETS, TOKEN_BUCKETS

# What one written price covers where its parts have none of their own, as providers bill it.
COVERS: dict[str, tuple[str, ...]] = {
    "input": (
        "input_uncached_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "input_audio_tokens",
    ),
    "output": ("output_text_tokens", "reasoning_tokens", "output_audio_tokens"),
    "cache_read": ("cache_read_tokens",),
    "cache_write": ("cache_write_5m_tokens", "cache_write_1h_tokens"),
}
_PICO = Decimal(10) ** 12


def unit_pico_usd(bucket: str, dollars: str) -> int:
    """Dollars per million tokens, or per one of anything else, as pico-USD per unit. Raises TermRefused where that is not whole."""
    units = 10**6 if bucket in TOKEN_BUCKETS else 1
    try:
        exact = Decimal(dollars.strip().removeprefix("$")) * _PICO / units
    except InvalidOperation:
        raise TermRefused(f"{dollars!r} is no price in dollars, such as 2.50.") from None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 <= exact < 2**62:
        raise TermRefused(f"{dollars} dollars for {bucket} is no whole number of pico-USD per unit of 0 or more.")
    return int(exact)


def unit_prices(given: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Prices by bucket of (name, dollars): a name of COVERS or a bucket; what names less goes before what covers more."""
    found: dict[str, int] = {}
    written = dict(given)
    for name in sorted(written, key=lambda name: -len(COVERS.get(name, (name,)))):
        for bucket in COVERS.get(name, (name,)):
            if bucket not in BUCKETS:
                raise TermRefused(f"There is no unit {name}; the units are {', '.join((*COVERS, *BUCKETS))}.")
            found[bucket] = unit_pico_usd(bucket, written[name])
    return found


def named_prices(text: Iterable[str]) -> dict[str, int]:
    """Prices of words as `input=2.50`, several in one with commas."""
    parts = [part.partition("=") for line in text for part in line.split(",") if part.strip()]
    wrong = [name for name, equals, _ in parts if not equals]
    if wrong:
        raise TermRefused(f"{wrong[0].strip()!r} must be unit=dollars, such as input=2.50.")
    return unit_prices((name.strip(), dollars) for name, _, dollars in parts)


def tiers(text: str) -> VolumeTiers:
    """Graduated tiers of words as `output_text_tokens:1000000000=10,*=8`: up to a billion of a month at $10 per million, then $8."""
    bucket, colon, written = text.partition(":")
    bucket = bucket.strip()
    if not colon or bucket not in BUCKETS:
        raise TermRefused(
            f"Tiers are written as unit:up-to=dollars,*=dollars with one of {', '.join(BUCKETS)} as the unit."
        )
    steps: list[tuple[int | None, int]] = []
    for part in written.split(","):
        up_to, equals, dollars = part.partition("=")
        end = up_to.strip().replace("_", "")
        if not equals or not (end == "*" or end.isdecimal()):
            raise TermRefused(f"{part.strip()!r} must be up-to=dollars, such as 1000000000=10, or *=8 for all beyond.")
        steps.append((None if end == "*" else int(end), unit_pico_usd(bucket, dollars)))
    return VolumeTiers(bucket, tuple(steps))


def ppm(percent: str) -> int:
    """A percentage (`15`, `12.5 %`) in millionths. Raises TermRefused where that is not whole."""
    try:
        exact = Decimal(percent.strip().removesuffix("%").strip()) * PPM / 100
    except InvalidOperation:
        raise TermRefused(f"{percent!r} is no percentage, such as 12.5.") from None
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > 100 * PPM:
        raise TermRefused(f"{percent} is no percentage with at most four decimals.")
    return int(exact)


def dollars_pico_usd(dollars: str) -> int:
    """An amount in dollars as pico-USD. Raises TermRefused."""
    try:
        exact = Decimal(dollars.strip().removeprefix("$").replace(",", "")) * _PICO
    except InvalidOperation:
        raise TermRefused(f"{dollars!r} is no amount in dollars, such as 10000.") from None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 <= exact < Decimal(10) ** 30:
        raise TermRefused(f"{dollars} is no amount in dollars of 0 or more.")
    return int(exact)


def in_words(rule: Rule) -> str:
    """What a rule says, in one short sentence."""
    match rule:
        case UnitPrices(prices):
            return ", ".join(f"{bucket} {price_in_words(bucket, price)}" for bucket, price in prices.items())
        case Discount(off_ppm):
            return f"{_percent(off_ppm)} off the list price"
        case VolumeTiers(bucket, steps):
            told = [
                f"{price_in_words(bucket, price)} {'beyond' if up_to is None else f'up to {up_to:,}'}"
                for up_to, price in steps
            ]
            return f"{bucket} a month: {', '.join(told)}"
        case Commitment(monthly, overage_ppm):
            beyond = "" if overage_ppm == PPM else f", beyond it {_percent(overage_ppm)} of the price"
            return f"at least {_dollars(monthly)} a month{beyond}"
        case Credit(granted):
            return f"a credit of {_dollars(granted)}"


def price_in_words(bucket: str, pico_usd: int) -> str:
    """A unit price as providers print it: $2.5 / 1M for tokens, $0.01 each for the rest."""
    units = 10**6 if bucket in TOKEN_BUCKETS else 1
    text = f"${(Decimal(pico_usd) * units / _PICO).normalize():,f}"
    return f"{text} / 1M" if bucket in TOKEN_BUCKETS else f"{text} each"


def all_in_words(prices: Mapping[str, int | None]) -> str:
    """The prices of an entry, those that repeat what covers them left out."""
    shown = []
    for bucket in BUCKETS:
        price = prices.get(bucket)
        covering = next((parts[0] for parts in COVERS.values() if bucket in parts[1:] and len(parts) > 2), None)
        if price is not None and not (covering and prices.get(covering) == price):
            shown.append(f"{bucket} {price_in_words(bucket, price)}")
    return ", ".join(shown)


def _percent(parts: int) -> str:
    return f"{(Decimal(parts) * 100 / PPM).normalize():f} %"


def _dollars(pico_usd: int) -> str:
    return f"${(Decimal(pico_usd) / _PICO).normalize():,f}"
