"""The way of a dispute through our hands as a table: which state may follow which. Pure."""

from typing import Literal, get_args

State = Literal[
    "needs_response",
    "staged",
    "submitting",
    "accepting",
    "submitted",
    "accepted",
    "expired",
    "won",
    "lost",
    "closed",
    "prevented",
]
STATES: tuple[State, ...] = get_args(State)

# Whatever we believe, the bank's word may come from anywhere: Stripe's dashboard answers disputes too.
_STRIPES_WORD: tuple[State, ...] = ("submitted", "won", "lost", "closed", "prevented")

MOVES: dict[State, tuple[State, ...]] = {
    "needs_response": ("staged", "submitting", "accepting", "expired", *_STRIPES_WORD),
    "staged": ("needs_response", "submitting", "accepting", "expired", *_STRIPES_WORD),
    # Back to where it was when Stripe refuses what was sent.
    "submitting": ("needs_response", "staged", *_STRIPES_WORD),
    "accepting": ("needs_response", "staged", "accepted", *_STRIPES_WORD),
    # An inquiry that was answered may become a chargeback, which needs an answer of its own.
    "submitted": ("needs_response", "won", "lost", "closed", "prevented"),
    "expired": ("needs_response", *_STRIPES_WORD),
    # A network may let a lost dispute be appealed, and reverse what it decided.
    "lost": ("needs_response", "submitted", "won", "closed", "prevented"),
    "won": ("needs_response", "submitted", "lost", "closed", "prevented"),
    "closed": ("needs_response", "submitted", "won", "lost", "prevented"),
    "accepted": ("needs_response", *_STRIPES_WORD),
    "prevented": ("needs_response", "submitted", "won", "lost", "closed"),
}
ANSWERABLE: tuple[State, ...] = ("needs_response", "staged")
ON_ITS_WAY: tuple[State, ...] = ("submitting", "accepting")
OPEN: tuple[State, ...] = (*ANSWERABLE, *ON_ITS_WAY)
ENDED: tuple[State, ...] = ("accepted", "expired", "won", "lost", "closed", "prevented")


class NoSuchMove(Exception):
    """A state was asked for that cannot follow the one the dispute is in; somebody else may have been quicker."""


def follow(state: State, target: State) -> State:
    """The state after a move. Raises NoSuchMove."""
    if target not in MOVES[state]:
        may = ", ".join(MOVES[state])
        raise NoSuchMove(f"The dispute is {state}, so it cannot become {target}; {may} may follow.")
    return target
