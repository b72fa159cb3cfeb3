"""The four numbers above the list of alerts: what is open costs, where it leads, how often alerts were right, which data are late."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import shell, wording
from dashboard.spike_reading import Board
from dashboard.spike_rows import impact_a_day, month_end, rises
from dashboard.spike_words import listed

PRECISION_HELP = (
    "Of the alerts opened in the last 30 days that somebody answered: said to be real ÷ (said to be real + not an issue). "
    "What was expected or planned was real and known, and counts on neither side."
)


def draw(board: Board) -> None:
    """Four tiles; unknown is said in words."""
    counted = rises(board.every)
    with st.grid(4, min_column_width=150, gap="small", key="tiles"):
        _tile(
            "Open, a day",
            wording.money(impact_a_day(counted) or 0, board.currency, plus=True),
            wording.count(len(counted), "open spike"),
            "What the open spikes cost more than expected on an average day of theirs; what another one explains is not counted twice.",
        )
        ends = month_end(counted, board.month_ends)
        _tile(
            "If it goes on",
            wording.money(ends, board.currency, plus=True)
            if ends is not None
            else "none"
            if not counted
            else wording.UNKNOWN,
            "on this month's bill",
            "What the open spikes have added to the running month, and add if each day to its end is like their last ones.",
        )
        _precision(board)
        _data(board)


def _precision(board: Board) -> None:
    told = board.quality
    answered = f"{told.confirmed + told.not_an_issue} of {wording.count(told.alerts, 'alert')}"
    is_known = told.precision is not None
    _tile(
        "Precision, 30 days",
        wording.percent(told.precision, 0) if is_known else "too few",
        f"{answered} answered" if is_known else "not yet measured",
        f"{PRECISION_HELP} So far {answered} {'is' if told.alerts == 1 else 'are'} answered.",
    )


def _data(board: Board) -> None:
    late = sorted(board.late)
    if board.run is None:
        _tile(
            "Data", "not looked at", "before the first run", "When days are missing, they are late and no fall of cost."
        )
        return
    value = "complete" if not late else "data late"
    judged = f"judged {wording.ago(board.run.ran_at, datetime.now(UTC))}"
    below = judged if not late else listed([_late(name, board) for name in late[:3]])
    _tile("Data", value, below, "A day whose data are not there yet is never judged, and never a fall of cost.")


def _late(source: str, board: Board) -> str:
    """A source and the day since which it lacks data: OpenAI since 24 Nov."""
    name = shell.source_name(source)
    first = min(board.late[source])
    return f"{name if name != source else name.capitalize()} since {first.day} {first:%b}"


def all_quiet(board: Board) -> str:
    """What is said when nothing is open: since when somebody has looked, and at how much."""
    if board.run is None:
        return ":material/hourglass_empty: **No day has been judged yet.** That happens with the next refresh."
    snoozed = sum(row.is_snoozed for row in board.every)
    when = wording.ago(board.run.ran_at, datetime.now(UTC))
    head = f"{wording.count(snoozed, 'alert')} snoozed, nothing else is open" if snoozed else "Nothing unusual"
    series = wording.count(board.run.series, "series", "series")
    return f":material/check_circle: **{head}.** {series} of costs and rates were judged {when}."


def _tile(label: str, value: str, below: str, help_text: str) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, height="stretch", help=help_text)
