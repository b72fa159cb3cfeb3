"""The alerts as the Spikes page shows them: folded under the one that explains them, filtered, and summed up in a sentence; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from dashboard import wording
from dashboard.spike_words import KINDS, STATES, VERDICTS, amount, scope_words, subject_name
from pricing.money import divide_half_away
from store.alert_list import Line

OPEN = ("new", "ongoing")
VIEWS = {"open": "Open", "snoozed": "Snoozed", "resolved": "Resolved", "all": "All"}
DIRECTIONS = {"both": "Up and down", "up": "Up", "down": "Down"}


@dataclass(frozen=True)
class Row:
    """An alert with its subject's name and what is folded under it."""

    line: Line
    name: str
    is_snoozed: bool
    children: tuple["Row", ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody: neither ended nor put to sleep."""
        return self.line.state in OPEN and not self.is_snoozed


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; None is no narrowing."""

    view: str = "open"
    detector: str | None = None
    customer_id: str | None = None
    direction: str = "both"


@dataclass(frozen=True)
class Verdict:
    """What stands at the top: how much, why the biggest, and what else is open (may be empty)."""

    head: str
    why: str
    also: str


def rows(lines: Sequence[Line], names: Mapping[str, str], company: str, now: datetime) -> list[Row]:
    """One row for each alert without folding: the newest first, of one day the dearest. The day that runs counts with the last whole one."""
    whole = max((line.last_day for line in lines if not line.is_provisional), default=date.max)
    ranked = sorted(lines, key=lambda one: (min(one.last_day, whole), abs(one.impact_minor or 0)), reverse=True)
    return [
        Row(
            line,
            subject_name(line.subject, names.get(line.subject.customer_id or ""), company),
            line.snoozed_until is not None and line.snoozed_until > now and line.state in OPEN,
        )
        for line in ranked
    ]


def fitting(every: Sequence[Row], filters: Filters) -> list[Row]:
    """Those that fit the filters."""
    return [row for row in every if _fits(row, filters)]


def _fits(row: Row, filters: Filters) -> bool:
    line = row.line
    in_view = {
        "open": row.is_open,
        "snoozed": row.is_snoozed,
        "resolved": line.state == "resolved",
        "all": True,
    }[filters.view]
    return (
        in_view
        and filters.detector in {None, line.detector}
        and filters.customer_id in {None, line.subject.customer_id}
        and (filters.direction == "both" or line.is_rise == (filters.direction == "up"))
    )


def folded(found: Sequence[Row]) -> list[Row]:
    """Each alert under the one it is explained by, where that one is shown as well; at any depth under the uppermost."""
    by_id = {row.line.alert_id: row for row in found}
    under: dict[UUID, list[Row]] = {}
    top = []
    for row in found:
        above = _uppermost(row, by_id)
        if above is None:
            top.append(row)
        else:
            under.setdefault(above, []).append(row)
    return [Row(row.line, row.name, row.is_snoozed, tuple(under.get(row.line.alert_id, ()))) for row in top]


def _uppermost(row: Row, by_id: dict[UUID, Row]) -> UUID | None:
    above, seen = row.line.parent_alert_id, {row.line.alert_id}
    found = None
    while above in by_id:
        if above in seen:
            return None  # they name each other: each stands by itself
        found = above
        seen.add(above)
        above = by_id[above].line.parent_alert_id
    return found


def badge(row: Row, what: str = "") -> str:
    """The state as a badge in Markdown: a word on a color; `what` (Markdown of our own) goes before the word."""
    line = row.line
    if row.is_snoozed:
        word, color = STATES["snoozed"]
    elif line.verdict is not None and line.state == "resolved":
        word, color = VERDICTS[line.verdict]
    else:
        word, color = STATES[line.state]
    return f":{color}-badge[{f'{what}: {word.lower()}' if what else word}]"


def headline(row: Row) -> str:
    """What it comes to, with its sign: money where money is at stake, and in percent of what was expected; else the rate itself."""
    line = row.line
    if line.impact_minor is None:
        return amount(line.actual, line.unit, line.currency)
    money = wording.money(line.impact_minor, line.currency, plus=line.detector == "cost_spike")
    share = excess(line)
    return money if share is None else f"{money} ({share})"


def excess(line: Line) -> str | None:
    """By how many percent a cost is off what was expected; None where nothing was expected, or for a rate."""
    if line.detector != "cost_spike" or line.actual is None or not line.expected:
        return None
    share = wording.percent(Fraction(line.actual - line.expected, line.expected), 0)
    return f"+{share}" if line.actual > line.expected else share


def facts(row: Row) -> str:
    """Which day or days, what kind of thing, and whose it is now."""
    line = row.line
    parts = [_span(line), scope_words(line.subject)]
    if line.is_provisional:
        parts.append("today so far")
    if line.verdict == "confirmed" and line.state != "resolved":
        parts.append("it is real")
    if line.assigned_to:
        parts.append(f"with {line.assigned_to}")
    return " · ".join(parts)


def _span(line: Line) -> str:
    last = f"{line.last_day.day} {line.last_day:%b}"
    if line.first_day == line.last_day:
        return last
    first = f"{line.first_day.day} {line.first_day:%b}"
    return f"{first} \u2013 {last}"


def rises(every: Sequence[Row]) -> list[Row]:
    """The open spikes that cost more than expected and that nothing else explains: what may be summed without counting twice."""
    return [row for row in folded(every) if row.is_open and row.line.detector == "cost_spike" and row.line.is_rise]


def verdict(every: Sequence[Row], currency: str) -> Verdict | None:
    """What a founder needs to know first; None when nothing is open."""
    open_ones = [row for row in folded(every) if row.is_open]
    if not open_ones:
        return None
    up = rises(every)
    fresh = [row for row in up if row.line.state == "new"]
    told = fresh or up
    if told:
        many = wording.count(len(told), "new spike" if fresh else "ongoing spike")
        head = f"{many} {'costs' if len(told) == 1 else 'cost'} {_a_day(told, currency)} more than expected"
    else:
        head = "No open spike"
    before = [row for row in up if row not in told]
    falls = [row for row in open_ones if row.line.detector == "cost_spike" and not row.line.is_rise]
    others = [row for row in open_ones if row.line.detector != "cost_spike"]
    also = []
    if before:
        also.append(f"{wording.count(len(before), 'spike')} from before, {_a_day(before, currency)}")
    if falls:
        also.append(f"{wording.count(len(falls), 'fall')}, {_a_day(falls, currency)}")
    if others:
        names = {KINDS[row.line.detector].name.lower() for row in others}
        also.append(f"{wording.count(len(others), 'other alert')} ({', '.join(sorted(names))})")
    biggest = max(told or open_ones, key=lambda row: abs(row.line.impact_minor or 0))
    return Verdict(head, first_clause(biggest.line.sentence), "; ".join(also))


def first_clause(sentence: str) -> str:
    """What happened, without the causes that stand behind the colon."""
    return f"{sentence.partition(': ')[0].rstrip('.')}."


def _a_day(told: Sequence[Row], currency: str) -> str:
    return f"{wording.money(impact_a_day(told), currency)} a day"


def impact_a_day(told: Sequence[Row]) -> int | None:
    """What they come to together on an average unusual day of each, in minor units; None where no amount is known."""
    known = [
        divide_half_away(row.line.impact_minor, row.line.found_days)
        for row in told
        if row.line.impact_minor is not None and row.line.found_days
    ]
    return sum(known) if known else None


def month_end(told: Sequence[Row], ends: Mapping[UUID, int]) -> int | None:
    """What they add to the running month if they go on; None where nobody can say."""
    known = [ends[row.line.alert_id] for row in told if row.line.alert_id in ends]
    return sum(known) if known else None
