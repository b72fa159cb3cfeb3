"""Words and number formats of the pages: the one place that turns integers into what a founder reads.

Numbers are exact integers or fractions until here. A minus is U+2212, unknown is an em dash, never 0.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from pricing.money import exponent

TIMES = "\u00d7"
MINUS = "\u2212"
UNKNOWN = "\u2014"
PICO_PER_USD = Decimal(10) ** 12
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "cad": "CA$", "aud": "A$"}

COST_SOURCES = {
    "invoice": "Provider's invoice",
    "reported": "Provider's report",
    "contract": "Contract",
    "catalogue": "Catalogue",
}

Share = Fraction | Decimal | float


def _signed(text: str, *, negative: bool, plus: bool) -> str:
    return f"{MINUS}{text}" if negative else f"+{text}" if plus else text


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def _symbol(currency: str) -> str:
    return SYMBOLS.get(currency.lower(), f"{currency.upper()} ")


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def money(minor: int | None, currency: str = "usd", *, plus: bool = False) -> str:
    """Short form for tiles and charts: $3.23M, $84.2K, $1,240, $12.34."""
    if minor is None:
        return UNKNOWN
    value = abs(_major(minor, currency))
    if value >= 999_950:
        text = f"{_rounded(value / 1_000_000, 2):,}M"
    elif value >= Decimal("9_999.5"):
        text = f"{_rounded(value / 1_000, 1):,}K"
    elif value >= 100 or exponent(currency) == 0:
        text = f"{_rounded(value, 0):,}"
    elif value == 0:
        text = "0"
    else:
        text = f"{_rounded(value, 2):,}"
    return _signed(_symbol(currency) + text, negative=minor < 0, plus=plus and minor > 0)


def money_exact(minor: int | None, currency: str = "usd", *, plus: bool = False) -> str:
    """Every minor unit, for tables and statements: $1,234.56."""
    if minor is None:
        return UNKNOWN
    text = f"{abs(_major(minor, currency)):,}"
    return _signed(_symbol(currency) + text, negative=minor < 0, plus=plus and minor > 0)


def amount_text(minor: int | None, currency: str = "usd") -> str:
    """An exact amount for a file: 1234.56, without symbol or grouping; unknown is empty."""
    return "" if minor is None else f"{_major(minor, currency)}"


def major(minor: int | None, currency: str = "usd") -> float | None:
    """Major units for a chart's axis or a sortable table cell; for drawing only, never for adding up."""
    return None if minor is None else float(_major(minor, currency))


def usd(pico_usd: int | None) -> str:
    """A pico-USD cost with as many decimals as it needs to say something: $1,234.56, $0.0042."""
    if pico_usd is None:
        return UNKNOWN
    value = abs(Decimal(pico_usd) / PICO_PER_USD)
    places = 2
    while 0 < value < Decimal(1).scaleb(1 - places) and places < 12:
        places += 1
    return _signed(f"${_rounded(value, places):,}", negative=pico_usd < 0, plus=False)


def unit_price(pico_usd: int | None) -> str:
    """A price entry's unit price as providers print it: per million for tokens."""
    if pico_usd is None:
        return UNKNOWN
    return f"${(Decimal(pico_usd) * 1_000_000 / PICO_PER_USD).normalize():,f}"


def each_price(pico_usd: int | None) -> str:
    """A price entry's unit price for one image, second, page or request."""
    return UNKNOWN if pico_usd is None else f"${(Decimal(pico_usd) / PICO_PER_USD).normalize():,f}"


def percent(share: Share | None, places: int = 1) -> str:
    """64.1%; unknown stays unknown. 99.96 % is not shown as 100 % while something is missing."""
    if share is None:
        return UNKNOWN
    exact = _decimal(share) * 100
    text = _rounded(abs(exact), places)
    if text == 100 and abs(exact) < 100:
        text = Decimal(100) - Decimal(1).scaleb(-places)
    return _signed(f"{text}%", negative=exact < 0 and text != 0, plus=False)


def points(change: Share | None, places: int = 1) -> str | None:
    """A move of a margin in percentage points: +0.5 pp; None when it rounds to nothing."""
    if change is None:
        return None
    moved = _rounded(_decimal(change) * 100, places)
    return None if moved == 0 else _signed(f"{abs(moved)} pp", negative=moved < 0, plus=True)


def tenths(points_tenths: int) -> str:
    """Tenths of a percentage point, which were rounded together: +0.5 pp, 0.0 pp."""
    text = f"{Decimal(abs(points_tenths)).scaleb(-1)} pp"
    return _signed(text, negative=points_tenths < 0, plus=points_tenths > 0)


def times(ratio: Fraction | None) -> str:
    """A ratio as people say it: 4.3 times, with the sign for times."""
    return UNKNOWN if ratio is None else f"{_rounded(_decimal(ratio), 1)}{TIMES}"


def times_moved(before: Fraction | None, after: Fraction | None) -> str | None:
    """How a ratio moved, by how many times; None when it rounds to nothing or one of the two is unknown."""
    if before is None or after is None:
        return None
    moved = _rounded(_decimal(after - before), 1)
    return None if moved == 0 else _signed(f"{abs(moved)}{TIMES}", negative=moved < 0, plus=True)


def growth(now: int, before: int) -> str | None:
    """Relative change in percent; None when it rounds to nothing or the base is not positive."""
    if before <= 0:
        return None
    moved = _rounded(Decimal(now - before) * 100 / Decimal(before), 1)
    return None if moved == 0 else _signed(f"{abs(moved):,}%", negative=moved < 0, plus=True)


def band(low: Share | None, high: Share | None) -> str:
    """The interval that unpriced usage leaves open around a margin."""
    if low is None or high is None:
        return "range unknown"
    first, last = percent(low), percent(high)
    return "range below 0.1 pp" if first == last else f"range {first.removesuffix('%')}\u2009\u2013\u2009{last}"


def _decimal(value: Share) -> Decimal:
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(str(value))


def cost_source(source: str | None, contract_id: str | None = None) -> str:
    """Who says what usage cost: Catalogue, or Contract openai-2026; unknown is a dash."""
    return " ".join(filter(None, (COST_SOURCES[source], contract_id))) if source else UNKNOWN


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its unit: 1 customer, 1,204 customers."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def quantity(number: int) -> str:
    """A big consumed quantity, short: 3.4 B, 12.9 M, 8,120."""
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if abs(number) >= size:
            return f"{_rounded(Decimal(number) / size, 1):,}\u00a0{letter}"
    return f"{number:,}"


def month(day: date) -> str:
    """November 2026."""
    return f"{day:%B %Y}"


def month_short(day: date) -> str:
    """Nov."""
    return f"{day:%b}"


def day_of(moment: date | datetime | None) -> str:
    """24 Nov 2026; unknown is a dash."""
    return UNKNOWN if moment is None else f"{moment.day} {moment:%b %Y}"


def moment_of(moment: datetime | None) -> str:
    """24 Nov 2026, 09:05 UTC; moments of the warehouse are UTC."""
    return UNKNOWN if moment is None else f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def ago(then: datetime | None, now: datetime) -> str:
    """How long since a moment, in the largest unit that says something."""
    if then is None:
        return "never"
    seconds = int((now - then).total_seconds())
    if seconds < 90:
        return "just now"
    for size, unit in ((86_400 * 2, "day"), (5_400, "hour"), (90, "minute")):
        if seconds >= size:
            length = {"day": 86_400, "hour": 3_600, "minute": 60}[unit]
            return f"{count(max(1, round(seconds / length)), unit)} ago"
    return "just now"


def escape(text: str) -> str:
    """A customer's own words inside our Markdown: nothing in them formats, links or becomes a formula."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|$~:@&" else letter for letter in text)
