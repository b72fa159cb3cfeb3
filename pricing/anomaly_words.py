"""An alert in one sentence that a founder understands: what it cost, what was expected, and what the difference is made of."""

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


def sentence(alert: Alert, customer: str, model: str) -> str:
    """As in: Acme's gpt-5 cost $412.10, expected $98.00 ($80.00 to $120.00): more requests +$300.00, …"""
    paid, usual, lower, upper = (
        dollars(amount)
        for amount in (
            alert.actual_pico_usd,
            alert.expected_pico_usd,
            alert.lower_pico_usd,
            alert.upper_pico_usd,
        )
    )
    impact = alert.impact_pico_usd
    parts = sorted(part_pico_usd(alert.parts).items(), key=lambda part: -abs(part[1]))
    said = [
        f"{_MORE[name][amount < 0]} {signed_dollars(amount)}"
        for name, amount in parts
        if abs(amount) * 100 >= abs(impact) * SAID_FROM_PERCENT and amount
    ]
    why = f": {', '.join(said)}" if said else ""
    return f"{customer}'s {model} cost {paid} instead of {usual} ({lower} to {upper}), {signed_dollars(impact)}{why}."


def dollars(pico_usd: int) -> str:
    """Whole cents, half a cent away from zero, as in $1,234.50."""
    cents = divide_half_away(abs(pico_usd), 10**10)
    return f"{'-' if pico_usd < 0 and cents else ''}${cents // 100:,}.{cents % 100:02d}"


def signed_dollars(pico_usd: int) -> str:
    """As `dollars`, with its sign even where it is a plus."""
    said = dollars(pico_usd)
    return said if said.startswith("-") else f"+{said}"
