"""The steps of a refund request as a table: which step may follow which. Pure."""

from typing import Literal, get_args

State = Literal["requested", "checked", "evidence", "decided", "sent", "settled", "declined", "canceled", "failed"]
STATES: tuple[State, ...] = get_args(State)

# The six steps are requested, checked, evidence, decided, sent, settled; evidence may be left out where none is needed.
MOVES: dict[State, tuple[State, ...]] = {
    "requested": ("checked", "canceled"),
    "checked": ("evidence", "decided", "declined", "canceled"),
    "evidence": ("decided", "declined", "canceled"),
    "decided": ("sent", "canceled", "failed"),
    "sent": ("settled", "failed"),
    # Stripe may say days later that the money did not arrive; then it is back in our balance.
    "settled": ("failed",),
    "declined": (),
    "canceled": (),
    "failed": (),
}
UNDECIDED: tuple[State, ...] = ("requested", "checked", "evidence")
ON_ITS_WAY: tuple[State, ...] = ("decided", "sent")
OPEN: tuple[State, ...] = (*UNDECIDED, *ON_ITS_WAY)


class NoSuchStep(Exception):
    """A step was asked for that cannot follow the one the request is at; somebody else may have been quicker."""


def follow(state: State, step: State) -> State:
    """The state after a step. Raises NoSuchStep."""
    if step not in MOVES[state]:
        may = ", ".join(MOVES[state]) or "nothing"
        raise NoSuchStep(f"The request is {state}, so it cannot become {step}; {may} may follow.")
    return step
