"""What moved the margin in words: names of the parts, what each means, and one sentence that a person reads first."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from dashboard import wording
from pricing.bridge_story import Finding, Summary
from pricing.margin_bridge import Part
from pricing.named_periods import NamedPeriod
from store import warehouse_bridge

PARTS: dict[Part, tuple[str, str]] = {
    "customers_gained": ("Customers gained", "Revenue and AI cost of customers who had neither before"),
    "customers_lost": ("Customers lost", "Revenue and AI cost that went with customers who have neither any more"),
    "revenue_price": ("Price", "What a plan-month or a unit brought on average, after discounts and credits"),
    "revenue_quantity": ("Quantity", "Seats, plans, metered units and things sold once"),
    "money_back": ("Money back", "Refunds and lost disputes"),
    "usage_volume": ("Usage volume", "More or fewer requests of the same kind"),
    "model_mix": ("Model mix", "Requests moved between models, or to another tier of one"),
    "token_price": ("Token price", "What a token or unit cost: list prices, contracts, reported costs"),
    "tokens_per_request": ("Tokens per request", "Longer or shorter prompts and answers, and other units of a request"),
    "cache_rate": ("Cache rate", "How much of the input was read from the provider's cache"),
    "commitments": ("Commitments", "What contracts' commitments to providers fell short, less credits"),
    "exchange_rate": ("Exchange rates", "The same amounts at another rate"),
    "unreconciled": ("Unreconciled", "What the providers' bills have beyond the usage"),
}
NOBODY = "usage without a customer"


def part_name(part: Part) -> str:
    """The name of a part."""
    return PARTS[part][0]


def period_name(period: NamedPeriod) -> str:
    """October 2026, Q3 2026, 2026."""
    if len(period.months) == 1:
        return wording.month(period.months[0])
    year, _, quarter = period.name.partition("-")
    return f"{quarter} {year}" if quarter else year


def period_short(period: NamedPeriod) -> str:
    """Oct 2026, Q3 2026, 2026."""
    if len(period.months) == 1:
        return f"{wording.month_short(period.months[0])} {period.months[0].year}"
    return period_name(period)


def headline(bridge: Summary, before: NamedPeriod, after: NamedPeriod, currency: str) -> str:
    """What happened, without why: the margin where there is one, else the gross profit."""
    was, now = bridge.before.share, bridge.after.share
    span = f"from {period_name(before)} to {period_name(after)}"
    if was is not None and now is not None:
        moved = wording.points(now - was)
        if moved is None:
            return f"Gross margin stayed at {wording.percent(now)} {span}"
        verb = "rose" if now > was else "fell"
        return f"Gross margin {verb} {moved.strip('+' + wording.MINUS)} to {wording.percent(now)} {span}"
    change = sum(step.profit_minor for step in bridge.steps)
    profit = bridge.after.profit_minor
    verb = "stayed at" if change == 0 else ("rose" if change > 0 else "fell")
    amount = "" if change == 0 else f" {wording.money(abs(change), currency)} to"
    return f"Gross profit {verb}{amount} {wording.money(profit, currency)} {span}"


def reasons(findings: Sequence[Finding], names: Mapping[str, str], currency: str) -> str:
    """Why, in the order of the findings; those that pull the other way stand after "against".

    What one customer did in several ways is told together: "Northwind's heavier usage (...) and move to opus (...)".
    """
    if not findings:
        return "nothing moved it by more than a trace"
    ways = []
    for sign in dict.fromkeys(_sign(each) for each in findings):
        texts: list[str] = []
        owner = None
        for each in (each for each in findings if _sign(each) == sign):
            phrase = cause(each, names)
            # The name is not said twice in a row.
            mine = possessive(_who(each, names))
            is_again = owner == mine and phrase.startswith(f"{mine} ")
            texts.append(f"{phrase.removeprefix(f'{mine} ') if is_again else phrase} ({effect(each, currency)})")
            owner = mine if phrase.startswith(f"{mine} ") else None
        ways.append(_joined(texts))
    return ", against ".join(ways)


def possessive(name: str) -> str:
    """Northwind's, Halcyon Freightways'."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def stream_name(subject: str) -> str:
    """A stream of revenue as a person calls it: Plans (USD), Usage: Scale tokens (USD)."""
    parts = subject.split(warehouse_bridge.STREAM_SEPARATOR)
    kind, currency, product = parts[0], parts[-1], warehouse_bridge.STREAM_SEPARATOR.join(parts[1:-1])
    if kind == "plan":
        return f"Plans ({currency})"
    if kind == "usage":
        return f"Usage: {product} ({currency})"
    return f"{product or 'Other'} ({currency})"


def _sign(finding: Finding) -> bool:
    return (finding.points if finding.points is not None else finding.profit_minor) > 0


def _joined(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def effect(finding: Finding, currency: str) -> str:
    """What a finding adds: points of margin, or money where there is no margin or it is too little for a tenth of a point."""
    moved = wording.points(finding.points)
    return moved if moved is not None else wording.money(whole(finding.profit_minor), currency, plus=True)


def whole(minor: Fraction) -> int:
    """A cause's amount as minor units for showing."""
    return round(minor)


def _who(finding: Finding, names: Mapping[str, str]) -> str:
    return NOBODY if finding.customer_id is None else names.get(finding.customer_id, finding.customer_id)


def cause(finding: Finding, names: Mapping[str, str]) -> str:
    """A finding as a noun phrase: who, or which model, did what."""
    gains = finding.profit_minor > 0
    who = _who(finding, names)
    model = (finding.subject or "another model").rpartition("/")[2]
    phrases: dict[Part, str] = {
        "customers_gained": f"{who} joining" if finding.customers == 1 else f"{finding.customers} customers gained",
        "customers_lost": f"{who} leaving" if finding.customers == 1 else f"{finding.customers} customers lost",
        "revenue_price": f"{'a higher' if gains else 'a lower'} price at {who}",
        "revenue_quantity": f"{'more' if gains else 'fewer'} seats and units at {who}",
        "money_back": f"{'less' if gains else 'more'} money back to {who}",
        "usage_volume": f"{possessive(who)} {'lighter' if gains else 'heavier'} usage",
        "model_mix": f"{possessive(who)} move to {model}",
        "token_price": f"{'a cheaper' if gains else 'a dearer'} {model}",
        "tokens_per_request": f"{'shorter' if gains else 'longer'} requests at {who}",
        "cache_rate": f"{'more' if gains else 'less'} caching at {who}",
        "commitments": "commitments and credits",
        "exchange_rate": "exchange rates",
        "unreconciled": "what the providers' bills have beyond the usage",
    }
    return phrases[finding.part]
