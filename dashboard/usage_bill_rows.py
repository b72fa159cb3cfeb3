"""What the tab *Usage and bills* says about gaps, their causes and states, in words and figures: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from dashboard import wording
from pricing.coverage import reconciled_share
from pricing.usage_reconciliation import BillState, Cause

# A word, a color and an icon for each state, so that none is told by color alone.
STATES: Mapping[str, tuple[str, str, str]] = {
    BillState.RECONCILED: ("Reconciled", "green", ":material/task_alt:"),
    BillState.TOLERANCE: ("Within tolerance", "blue", ":material/rule:"),
    BillState.OPEN: ("Open gap", "orange", ":material/warning:"),
    BillState.NO_BILL: ("No bill connected", "gray", ":material/link_off:"),
}
# What each cause means where the bill has more, and where it has less.
CAUSES: Mapping[str, tuple[str, str]] = {
    Cause.FX: (
        "The provider converted its bill at a dearer exchange rate than that of the day.",
        "The provider converted its bill at a cheaper exchange rate than that of the day.",
    ),
    Cause.MISSING_UNIT: (
        "A unit is billed that the usage log does not keep, searches for example: log it, and its cost finds its customers.",
        "The log counts a unit as cost that the bill does not charge for.",
    ),
    Cause.TIMING: (
        "Calls stand on the bill of a neighboring day; over the days it evens out.",
        "Calls stand on the bill of a neighboring day, or the bill's last days are not whole yet.",
    ),
    Cause.MISSING_TRAFFIC: (
        "Calls are billed that the log never saw: a key that is used past it, or hours in which it was off.",
        "The log has calls that are on no bill: another account paid for them, or they were free.",
    ),
    Cause.DUPLICATE: (
        "The bill has calls more than once.",
        "The log has calls more than once, so their cost is counted twice.",
    ),
    Cause.QUANTITY: (
        "The calls are the same, but the bill counts more of a unit: thinking that is not logged, or cached input taken as fresh.",
        "The calls are the same, but the log counts more of a unit than is billed.",
    ),
    Cause.PRICE: (
        "The same quantity is billed at a higher price than the log counts with, or the log has no price for it.",
        "The same quantity is billed at a lower price than the log counts with: a discount, a credit or a correction.",
    ),
    Cause.TOLERANCE: ("Rounding and noise, too small to explain.", "Rounding and noise, too small to explain."),
}
UNITS: Mapping[str | None, str] = {
    "input_uncached_tokens": "input tokens",
    "cache_read_tokens": "cached input tokens",
    "cache_write_5m_tokens": "cache writes (5 min)",
    "cache_write_1h_tokens": "cache writes (1 h)",
    "input_audio_tokens": "audio input tokens",
    "output_text_tokens": "output tokens",
    "output_audio_tokens": "audio output tokens",
    "search_requests": "searches",
    None: "not told apart",
}


@dataclass(frozen=True)
class CauseLine:
    """One cause of a gap: its name, its money with sign, and one sentence."""

    cause: str
    amount: str
    sentence: str


def cause_lines(parts: Iterable[tuple[str, int, int]]) -> list[CauseLine]:
    """Causes in their order of size; `parts` are (cause, sum, sum of absolute parts) in pico-USD."""
    lines = []
    for cause, part, moved in sorted(parts, key=lambda one: -abs(one[1])):
        sentence = CAUSES[cause][0 if part >= 0 else 1]
        if cause == Cause.TIMING and moved > 2 * abs(part):
            sentence = f"{sentence} {wording.usd(moved // 2)} changed days."
        lines.append(CauseLine(cause, signed_usd(part), sentence))
    return lines


def signed_usd(pico_usd: int | None) -> str:
    """A gap in dollars with its sign."""
    if pico_usd is None:
        return wording.UNKNOWN
    return f"+{wording.usd(pico_usd)}" if pico_usd > 0 else wording.usd(pico_usd)


def gap_share(logged_pico_usd: int | None, billed_pico_usd: int | None) -> str:
    """The gap as a share of the bill, with its sign."""
    if logged_pico_usd is None or not billed_pico_usd:
        return wording.UNKNOWN
    share = Fraction(billed_pico_usd - logged_pico_usd, billed_pico_usd)
    text = wording.percent(share)
    return f"+{text}" if share > 0 else text


def agreed(matched_pico_usd: int, compared_pico_usd: int) -> str:
    """What log and bills have in common, as a share of the larger; unknown where nothing was compared."""
    return wording.percent(reconciled_share(matched_pico_usd, compared_pico_usd))


def state_badge(state: str) -> str:
    """The state's word in its color, with its icon."""
    label, color, icon = STATES[state]
    return f":{color}-badge[{icon} {label}]"


def provider_rows(months: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row a provider of a month for the table."""
    rows = []
    for one in months:
        logged, billed = one["logged_pico_usd"], one["billed_pico_usd"]
        has_bill = billed is not None
        rows.append(
            {
                "Provider": one["provider"],
                "State": STATES[one["state"]][0],
                "Logged": wording.usd(int(logged if has_bill else one["usage_pico_usd"])),
                "Billed": wording.usd(int(billed)) if has_bill else wording.UNKNOWN,
                "Gap": signed_usd(int(billed - logged)) if has_bill else wording.UNKNOWN,
                "Of the bill": gap_share(logged, billed),
            }
        )
    return rows


def cell_rows(cells: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row a model and unit: both quantities, both amounts, the gap and what most of it is."""
    return [
        {
            "Model": one["model"] or "all models",
            "Unit": UNITS.get(one["unit"], str(one["unit"])),
            "Gap": signed_usd(int(one["gap_pico_usd"])),
            "Mostly": one["cause"] or "agrees",
            "Logged": wording.usd(int(one["logged_pico_usd"])),
            "Billed": wording.usd(int(one["billed_pico_usd"])),
            "Units logged": wording.quantity(int(one["logged_quantity"])),
            "Units billed": wording.UNKNOWN
            if one["billed_quantity"] is None
            else wording.quantity(int(one["billed_quantity"])),
        }
        for one in cells
    ]


def invoiced_rows(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What metered prices charged customers for beside what the log has of the same period."""
    return [
        {
            "Customer": one["name"],
            "Period": f"{wording.day_of(one['period_start'])} to {wording.day_of(one['period_end'])}",
            "Unit": one["unit_label"] or wording.UNKNOWN,
            "Invoiced": f"{one['invoiced_quantity']:,}",
            "Logged": wording.UNKNOWN if one["logged_quantity"] is None else f"{one['logged_quantity']:,}",
            "Difference": _difference(one["invoiced_quantity"], one["logged_quantity"]),
            "Charged": f"{wording.money_exact(one['amount_minor'], one['currency'])} {one['currency'].upper()}",
            "Invoice": one["invoice_id"],
        }
        for one in lines
    ]


def _difference(invoiced: int, logged: int | None) -> str:
    if logged is None:
        return wording.UNKNOWN
    moved = invoiced - logged
    sign = "+" if moved > 0 else wording.MINUS if moved < 0 else ""
    share = "" if not logged else f" ({wording.percent(Fraction(abs(moved), logged))})"
    return f"{sign}{abs(moved):,}{share if moved else ''}"


def invoiced_summary(lines: Iterable[Mapping[str, Any]]) -> str:
    """One sentence: how many lines, and whether what was charged is what was used."""
    known = [one for one in lines if one["logged_quantity"] is not None]
    invoiced, logged = (sum(one[name] for one in known) for name in ("invoiced_quantity", "logged_quantity"))
    if not logged:
        return "No charge by quantity can be held against the usage log: the price's label does not say what it counts."
    ratio = wording.percent(Fraction(invoiced, logged))
    return f"{wording.count(len(known), 'charge')} by quantity: {ratio} of what the usage log has in the same periods."


def month_label(month: date, running: date) -> str:
    """October 2026; the running month says so."""
    return f"{wording.month(month)}, to date" if month >= running else wording.month(month)
