"""How sure a margin is, the same line wherever one stands: its range, the three coverages, and why its state is unknown."""

from fractions import Fraction
from typing import Protocol

import streamlit as st

from dashboard import wording
from pricing.coverage import Coverage, Reason, reason_words


class Sure(Protocol):
    """What a month of a page and a margin of `pricing.margin` have in common."""

    @property
    def share(self) -> Fraction | None: ...  # noqa: D102 - the name says it
    @property
    def low(self) -> Fraction | None: ...  # noqa: D102 - the name says it
    @property
    def high(self) -> Fraction | None: ...  # noqa: D102 - the name says it
    @property
    def coverage(self) -> Coverage: ...  # noqa: D102 - the name says it
    @property
    def reasons(self) -> tuple[Reason, ...]: ...  # noqa: D102 - the name says it


NOT_MEASURED = "agreement with the providers' bills not measured, no bill is connected"


def draw(what: str, found: Sure, *, key: str = "coverage") -> None:
    """The line for the margin that `what` names ("Oct margin"); once per page, or each with its own `key`."""
    parts = [
        f":material/verified: **{wording.escape(what)} {wording.escape(wording.percent(found.share))}**",
        *(wording.escape(part) for part in parts_of(found)),
    ]
    with st.container(key=key):
        st.markdown(f":small[:gray[{' · '.join(parts)}]]")
        if found.reasons:
            st.markdown(f":small[:orange[:material/help: {wording.escape(unknown_because(found.reasons))}]]")


def parts_of(found: Sure) -> list[str]:
    """The range and the three coverages as plain words, each with its number or why there is none."""
    return [range_words(found), *coverage_words(found.coverage)]


def range_words(found: Sure) -> str:
    """The range; where it lies below the margin that is shown, because that counts known cost alone, it says so."""
    words = wording.band(found.low, found.high)
    is_below = found.share is not None and found.high is not None and found.high < found.share
    return f"{words} once unpriced usage is counted" if is_below else words


def coverage_words(coverage: Coverage) -> list[str]:
    """The three coverages as plain words; one that was not measured says so."""
    reconciled = coverage.reconciled
    return [
        "no usage to price" if coverage.priced is None else f"{wording.percent(coverage.priced)} of usage priced",
        "no AI cost to attribute"
        if coverage.attributed is None
        else f"{wording.percent(coverage.attributed)} of AI cost attributed to customers",
        NOT_MEASURED
        if reconciled is None
        else f"{wording.percent(reconciled)} of AI cost agrees with the providers' bills",
    ]


def unknown_because(reasons: tuple[Reason, ...]) -> str:
    """One sentence: the state is unknown, and each reason with its number."""
    return f"State unknown: {'; '.join(reason_words(reason, wording.percent) for reason in reasons)}."
