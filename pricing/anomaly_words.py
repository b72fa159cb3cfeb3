"""An alert in one sentence that a founder understands: what it cost, what was expected, and what the difference is made of."""

from collections.abc import Mapping

from pricing.anomaly_alerts import Alert, part_pico_usd
from pricing.money import divide_half_away

# Parts below this share of the impact are not worth a word.
SAID_FROM_PERCENT = 10
_MORE = {
    "usage_volume": ("more requests", "fewer requests"),
    "model_mix": ("dearer models", "cheaper models"),
    "tokens_per_request": ("more tokens per request", "fewer tokens per request"),
    "cache_rate": ("less from the cache", "more from the cache"),
    "token_price": ("a higher price per token", "a lower price per token"),
}


def sentence(alert: Alert, subject: str) -> str:
    """As in: Acme's gpt-5 cost $412.10 instead of $98.00 ($80.00 to $120.00), +$314.10: more requests +$300.00."""
    band = alert.expected_pico_usd, alert.lower_pico_usd, alert.upper_pico_usd
    return what_it_cost(subject, alert.actual_pico_usd, band, part_pico_usd(alert.parts))


def what_it_cost(
    subject: str, actual_pico_usd: int, band_pico_usd: tuple[int, int, int], parts: Mapping[str, int]
) -> str:
    """What a day came to, beside what was expected with its lower and upper end, and the parts that are worth a word."""
    usual, lower, upper = map(dollars, band_pico_usd)
    impact = actual_pico_usd - band_pico_usd[0]
    said = [
        f"{_MORE[name][amount < 0]} {signed_dollars(amount)}"
        for name, amount in sorted(parts.items(), key=lambda part: -abs(part[1]))
        if abs(amount) * 100 >= abs(impact) * SAID_FROM_PERCENT and amount
    ]
    why = f": {', '.join(said)}" if said else ""
    return f"{subject} cost {dollars(actual_pico_usd)} instead of {usual} ({lower} to {upper}), {signed_dollars(impact)}{why}."


def dollars(pico_usd: int) -> str:
    """Whole cents, half a cent away from zero, as in $1,234.50."""
    cents = divide_half_away(abs(pico_usd), 10**10)
    return f"{'-' if pico_usd < 0 and cents else ''}${cents // 100:,}.{cents % 100:02d}"


def signed_dollars(pico_usd: int) -> str:
    """As `dollars`, with its sign even where it is a plus."""
    said = dollars(pico_usd)
    return said if said.startswith("-") else f"+{said}"


def price_sentence(model: str, actual_pico_usd: int, before_pico_usd: int, customers: int) -> str:
    """As in: gpt-5 has another price: the day's calls of 12 customers cost $120.00 instead of $100.00, +$20.00."""
    who = f"of {customers:,} customer{'s' if customers != 1 else ''} " if customers else ""
    impact = actual_pico_usd - before_pico_usd
    return (
        f"{model} has another price: the day's calls {who}cost {dollars(actual_pico_usd)} instead of "
        f"{dollars(before_pico_usd)}, {signed_dollars(impact)}."
    )


def unpriced_words(events: int) -> str:
    """What a day's known cost leaves out, as in: 3 calls of that day have no price and are not in it."""
    return (
        "One call of that day has no price and is not in it."
        if events == 1
        else f"{events:,} calls of that day have no price and are not in it."
    )


def in_a_sentence(words: str) -> str:
    """A subject's words further on in a sentence: All usage of gpt-5 becomes all usage of gpt-5, names stay as they are."""
    first, *rest = words.split(" ")
    return " ".join([first.lower() if first in {"All", "The"} else first, *rest])


def still_to_come(by_its_end_pico_usd: int) -> str:
    """What the running day comes to if nothing more is unusual."""
    return f"With what usually still comes, the day will cost {dollars(by_its_end_pico_usd)}."
