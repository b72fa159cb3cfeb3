"""The words of an investor report: numbers with their units, the verdict in two sentences, and what changed in one."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from pricing.money import exponent
from pricing.report_changes import Cause, Detail, Part, Totals
from pricing.report_view import Redaction, View, ViewFigure, ViewPart, ViewUnit
from store.restatements import Restatement

MINUS, UNKNOWN, TIMES = "\u2212", "\u2014", "\u00d7"
SYMBOLS = {"usd": "$", "eur": "\u20ac", "gbp": "\u00a3", "jpy": "\u00a5", "inr": "\u20b9", "cad": "CA$", "aud": "A$"}
CAUSE_WORDS: dict[Cause, str] = {
    "late_usage": "late usage",
    "price_correction": "price correction",
    "provider_bill": "provider\u2019s bill",
    "contract_term": "contract term",
    "money_back": "refunds, credits and disputes",
    "invoice_changed": "invoices changed",
    "exchange_rate": "exchange rate",
    "customer_mapping": "customer mapping",
    "definition": "definition changed",
}
REDACTION_WORDS: dict[Redaction, str] = {
    "all": "All figures",
    "percentages": "Percentages only",
    "indexed": "Indexed: first month = 100",
}
SOURCE_WORDS = {
    "invoice": "provider\u2019s invoice",
    "reported": "reported by the provider",
    "contract": "contract price",
    "catalogue": "list price",
}


def rounded(value: Fraction | int, places: int) -> Decimal:
    """To so many decimals, half away from zero."""
    exact = Fraction(value)
    step = Decimal(1).scaleb(-places)
    # One digit more than is kept decides exactly: a fraction's quotient is cut, not rounded, before.
    scaled = exact * 10 ** (places + 6)
    return Decimal(int(scaled)).scaleb(-(places + 6)).quantize(step, ROUND_HALF_UP)


def _signed(text: str, value: Fraction | int | Decimal, *, plus: bool) -> str:
    return f"{MINUS}{text}" if value < 0 else f"+{text}" if plus and value > 0 else text


def money(minor: Fraction | int | None, currency: str, *, plus: bool = False) -> str:
    """Short: $3.23M, $84.2K, $1,240, $12.34."""
    if minor is None:
        return UNKNOWN
    major = abs(Fraction(minor)) / int(10 ** exponent(currency))
    if major >= 999_950:
        text = f"{rounded(major / 1_000_000, 2):,}M"
    elif major >= Fraction("9999.5"):
        text = f"{rounded(major / 1_000, 1):,}K"
    else:
        text = f"{rounded(major, 0 if major >= 100 or exponent(currency) == 0 else 2):,}"
    return _signed(SYMBOLS.get(currency, f"{currency.upper()} ") + text, minor, plus=plus)


def moved(before: Fraction | None, after: Fraction | None) -> Fraction | None:
    """How far a share moved; None where one of the two is unknown."""
    return None if before is None or after is None else after - before


def details_words(details: Sequence[Detail], currency: str) -> str:
    """A cause's largest movements, each with its amount."""
    return "; ".join(f"{each.subject} {money_exact(each.amount_minor, currency)}" for each in details)


def money_exact(minor: int, currency: str) -> str:
    """Every minor unit with its sign: +$1,234.56; nothing is `0`."""
    if minor == 0:
        return "0"
    return _signed(
        f"{SYMBOLS.get(currency, f'{currency.upper()} ')}{abs(Decimal(minor).scaleb(-exponent(currency))):,}",
        minor,
        plus=True,
    )


def percent(share: Fraction | None) -> str:
    """64.1%; what is not whole is not shown as 100 %."""
    if share is None:
        return UNKNOWN
    shown = rounded(abs(share) * 100, 1)
    if shown == 100 and abs(share) < 1:
        shown = Decimal("99.9")
    return _signed(f"{shown}%", share if shown else 0, plus=False)


def points(change: Fraction | None) -> str:
    """+0.5 pp; a move that rounds to nothing is said to be none."""
    if change is None:
        return UNKNOWN
    shown = rounded(change * 100, 1)
    return "no change" if shown == 0 else _signed(f"{abs(shown)} pp", shown, plus=True)


def number(value: Fraction | None, unit: ViewUnit, currency: str) -> str:
    """A value in its unit."""
    if value is None:
        return UNKNOWN
    if unit == "money":
        return money(value, currency)
    if unit == "share":
        return percent(value)
    if unit == "times":
        return f"{rounded(value, 1)}{TIMES}"
    return _signed(f"{abs(rounded(value, 0 if unit == 'count' else 1)):,}", value, plus=False)


def delta(figure: ViewFigure) -> str:
    """The move against the month before: points of a share, percent of an amount, a difference of a count."""
    if figure.value is None or figure.before is None:
        return ""
    move = figure.value - figure.before
    if figure.unit == "share":
        return points(move)
    if figure.unit == "count":
        return "no change" if move == 0 else _signed(f"{abs(int(move)):,}", move, plus=True)
    if figure.unit == "times":
        return _signed(f"{abs(rounded(move, 1))}{TIMES}", move, plus=True) if rounded(move, 1) else "no change"
    if figure.before <= 0:
        return ""
    shown = rounded(move / figure.before * 100, 1)
    return "no change" if shown == 0 else _signed(f"{abs(shown)}%", shown, plus=True)


def band(low: Fraction | None, high: Fraction | None) -> str:
    """The range that unpriced usage leaves open."""
    if low is None or high is None:
        return "range unknown"
    first, last = percent(low), percent(high)
    return "range below 0.1 pp" if first == last else f"range {first.removesuffix('%')}\u2013{last}"


def month(day: date) -> str:
    """October 2026."""
    return f"{day:%B %Y}"


def day_of(moment: date | datetime) -> str:
    """3 Nov 2026."""
    return f"{moment.day} {moment:%b %Y}"


def verdict(shown: View) -> str:
    """The month in two sentences."""
    margin, net, share = (shown.stated(key) for key in ("gross_margin", "net_revenue", "llm_cost_share"))
    good, bad, everybody = (shown.stated(f"{kind}customers") for kind in ("profitable_", "unprofitable_", ""))
    on = (
        f" on net revenue of {money(net.value, shown.currency)}"
        if shown.amounts == "money" and net.value is not None
        else ""
    )
    if margin.value is None:
        first = f"There is no gross margin to state{on}."
    elif margin.before is None:
        first = f"Gross margin was {percent(margin.value)}{on}."
    else:
        moved = points(margin.value - margin.before)
        way = "up" if margin.value > margin.before else "down"
        how = "unchanged" if moved == "no change" else f"{way} {moved.lstrip('+' + MINUS)}"
        first = f"Gross margin was {percent(margin.value)}, {how} on the month before{on and ','}{on}."
    spent = "" if share.value is None else f" LLM cost took {percent(share.value)} of revenue."
    paying = (
        f" {int(good.value or 0):,} of {int(everybody.value or 0):,} customers are profitable; "
        f"{int(bad.value or 0):,} cost more than they pay."
    )
    return first + spent + paying


def cause_words(cause: Cause, subjects: Sequence[str]) -> str:
    """The cause, with the provider's name where a single bill stands behind it."""
    if cause == "provider_bill" and len(subjects) == 1:
        return f"{subjects[0].split('/')[0].capitalize()} bill arrived"
    return CAUSE_WORDS[cause]


def changes_sentence(locked_at: datetime, before: Totals, after: Totals, parts: Sequence[Part], currency: str) -> str:
    """`Since 3 Nov 2026: gross margin 61.2 to 60.7%: Google bill arrived (+$212 cost), price correction (+$31 cost)`."""
    if not parts:
        return f"Figures locked {day_of(locked_at)}; changed since: none."
    named = []
    for part in parts:
        effects = [
            f"{money(minor, currency, plus=True)} {what}"
            for minor, what in ((part.revenue_minor, "revenue"), (part.cost_minor, "cost"))
            if minor
        ]
        words = cause_words(part.cause, [detail.subject for detail in part.details])
        named.append(f"{words} ({', '.join(effects) or 'no effect on the total'})")
    first, last = percent(before.margin), percent(after.margin)
    arrow = f"{first.removesuffix('%')} \u2192 {last}" if before.margin != after.margin else f"{last} as before"
    return f"Since {day_of(locked_at)}: gross margin {arrow}: {', '.join(named)}."


def revision_sentence(shown: View) -> str:
    """Which revision this is, and what changed since the one before, as far as the reader may know."""
    if shown.locked_at is None:
        return "Preview: not locked, so these figures may still change."
    if shown.previous is None:
        return f"Figures locked {day_of(shown.locked_at)}, first revision; changed before: none."
    found = shown.previous
    if not found.parts:
        return (
            f"Figures locked {day_of(shown.locked_at)} as revision {shown.revision}; "
            f"changed since revision {found.revision} of {day_of(found.locked_at)}: none."
        )
    named = [_part_words(part, shown) for part in found.parts]
    now = percent(shown.stated("gross_margin").value)
    return (
        f"Since revision {found.revision} of {day_of(found.locked_at)}: gross margin "
        f"{percent(found.margin).removesuffix('%')} \u2192 {now}: {', '.join(named)}."
    )


def _part_words(part: ViewPart, shown: View) -> str:
    words = cause_words(part.cause, [detail.subject for detail in part.details])
    if shown.amounts != "money":
        return f"{words} ({points(part.margin)})"
    effects = [
        f"{money(value, shown.currency, plus=True)} {what}"
        for value, what in ((part.revenue, "revenue"), (part.cost, "cost"))
        if value
    ]
    return f"{words} ({', '.join(effects) or 'no effect on the total'})"


def restatement_words(found: Sequence[Restatement]) -> list[str]:
    """`29 Nov 2026, metering: Price catalogue: … (openai/gpt-4o, 1,204 events)`: a line for each cause, the latest first."""
    groups: dict[tuple[str, str, str], dict[str, int]] = {}
    for one in found:
        models = groups.setdefault((day_of(one.recorded_at), one.principal, one.cause), {})
        name = f"{one.provider}/{one.model}"
        models[name] = models.get(name, 0) + one.events
    return [
        f"{day}, {who}: {cause} ({', '.join(f'{name}, {events:,} events' for name, events in sorted(models.items()))})"
        for (day, who, cause), models in groups.items()
    ]


def mrr_sentence(shown: View) -> str | None:
    """What moved MRR in the month; None where the report has no subscriptions or amounts are hidden."""
    mrr = shown.figure("mrr")
    if mrr is None or mrr.value is None or mrr.before is None or shown.amounts is None:
        return None
    unit = shown.amounts
    named = [
        f"{figure.key.removeprefix('mrr_').replace('_', ' ')} {number(figure.value, unit, shown.currency)}"
        for figure in shown.figures
        if figure.key.startswith("mrr_") and figure.value
    ]
    first, last = number(mrr.before, unit, shown.currency), number(mrr.value, unit, shown.currency)
    return f"{first} \u2192 {last}: {', '.join(named) or 'nothing moved'}."


def definitions_words(shown: View) -> list[tuple[str, str]]:
    """Name and formula of each figure; the version where it is another than that of the whole."""
    return [
        (each.name if each.version == shown.definitions_version else f"{each.name} (v{each.version})", each.formula)
        for each in shown.definitions
    ]


def confidence_sentence(shown: View) -> str:
    """Coverage, range and what the cost stands on."""
    found = shown.confidence
    reconciled = percent(found.reconciled_share) if found.reconciled_share is not None else "not compared yet"
    sources = ", ".join(f"{SOURCE_WORDS.get(source, source)} {percent(share)}" for source, share in shown.source_shares)
    status = "" if found.reason is None else f" Status unknown: {found.reason}."
    return (
        f"{percent(found.priced_share)} of usage priced \u00b7 {percent(found.attributed_share)} of cost attributed to a customer \u00b7 "
        f"reconciled with providers\u2019 bills: {reconciled} \u00b7 margin {band(found.low, found.high)}."
        + (f" Cost stands on: {sources}." if sources else "")
        + status
    )
