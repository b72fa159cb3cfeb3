"""What the reconciliation page says about runs and discrepancies, in words and figures: pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.reconciliation_rules import words
from dashboard import wording
from store.discrepancies import Known
from store.reconciliation_runs import Run

# A word, a color and an icon for each kind, so that none is told by color alone; and what each means.
KINDS: Mapping[str, tuple[str, str, str, str]] = {
    "missing": ("Missing", "red", ":material/remove_circle:", "Stripe has it, and it is not here."),
    "stale": ("Stale", "orange", ":material/history:", "Stripe's is newer than ours."),
    "different": ("Different", "orange", ":material/difference:", "A field differs, and Stripe tells of no change."),
    "extra": ("Extra", "violet", ":material/add_circle:", "It is here, and Stripe does not have it."),
    "unbalanced": ("Does not add up", "red", ":material/balance:", "Our copies are right, and their sum is not."),
}
SUMS = ("money of charges", "money of balance transactions", "money of payouts", "balances")
LONGEST_CELL = 120


def kind_label(kind: str, number: int) -> str:
    """The filter's word for a kind: Missing (3)."""
    return f"{KINDS[kind][0]} ({number:,})"


def title(known: Known) -> str:
    """The heading of a discrepancy: its kind in a badge, the object, and what it comes to."""
    label, color, icon, _ = KINDS[known.kind]
    about = wording.escape(f"{words(known.object_kind)} {known.object_id}")
    amount = amount_of(known)
    money = "" if amount is None else f" · {wording.escape(amount)}"
    return f"#### :{color}-badge[{icon} {label}] {about}{money}"


def amount_of(known: Known) -> str | None:
    """What Stripe has more than we do, with its currency; None where no money differs."""
    if known.amount_minor is None or known.currency is None:
        return None
    return f"{wording.money_exact(known.amount_minor, known.currency, plus=True)} {known.currency.upper()}"


def at_stake(found: Iterable[Known]) -> list[str]:
    """The money that open discrepancies speak of, added up without signs: a text for each currency, the largest sum first."""
    totals: dict[str, int] = {}
    for known in found:
        if known.amount_minor is not None and known.currency is not None:
            totals[known.currency] = totals.get(known.currency, 0) + abs(known.amount_minor)
    by_size = sorted(totals.items(), key=lambda one: (-one[1], one[0]))
    return [wording.money_exact(minor, currency) for currency, minor in by_size]


def seen(known: Known) -> str:
    """When it was found, the first time and the last."""
    first, last = (f"{at:%d %b %Y %H:%M} UTC" for at in (known.first_seen_at, known.last_seen_at))
    return f"seen {first}" if first == last else f"first seen {first}, last {last}"


def compared(run: Run) -> tuple[int, int]:
    """How many objects and how many sums a run has looked at so far."""
    sums = sum(number for name, number in run.checked.items() if name in SUMS)
    return sum(run.checked.values()) - sums, sums


def run_line(run: Run, now: datetime) -> str:
    """Where a run stands, in one line."""
    objects, _ = compared(run)
    by = wording.escape(run.started_by)
    match run.state:
        case "wanted":
            return f":material/hourglass_top: Asked for by {by}; the worker begins in a moment."
        case "running":
            trouble = (
                f" It was stopped ({wording.escape(run.trouble)}) and goes on with the next run." if run.trouble else ""
            )
            return (
                f":material/sync: Under way since {run.started_at:%d %b %Y %H:%M} UTC: "
                f"{wording.count(objects, 'object')} compared.{trouble}"
            )
        case _:
            when = f"{run.finished_at:%d %b %Y %H:%M} UTC" if run.finished_at else ""
            return f":material/task_alt: Checked at **{when}** ({wording.ago(run.finished_at, now)}), started by {by}."


def all_is_well(run: Run, ignored: int) -> tuple[str, str]:
    """The headline and the line below it when nothing is open; no more is said than was looked at."""
    headline = "Everything that the key may read adds up." if run.refused else "Everything adds up."
    but = f" {wording.count(ignored, 'discrepancy is', 'discrepancies are')} ignored." if ignored else ""
    when = f"Checked at {run.finished_at:%d %b %Y %H:%M} UTC." if run.finished_at else ""
    return headline, when + but


def checked_rows(run: Run) -> list[dict[str, Any]]:
    """What a run has looked at, one row for each kind of object and of sum."""
    rows = [
        {"Compared": name if name in SUMS else f"{words(name)}s", "Number": number, "Note": ""}
        for name, number in run.checked.items()
    ]
    return rows + [
        {"Compared": words(name), "Number": None, "Note": sentence} for name, sentence in run.refused.items()
    ]


def field_rows(fields: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The fields that differ, with Stripe's value beside ours."""
    return [{"Field": one["field"], "At Stripe": _cell(one["at_stripe"]), "Here": _cell(one["here"])} for one in fields]


def _cell(value: Any) -> str:
    text = wording.UNKNOWN if value is None else value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
