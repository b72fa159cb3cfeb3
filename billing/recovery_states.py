"""Where the recovery of a failed invoice may stand, as a table: which state may follow which. Pure."""

from typing import Literal, get_args

State = Literal[
    "open",
    "with_stripe",
    "scheduled",
    "retrying",
    "waiting_for_customer",
    "snoozed",
    "on_hold",
    "recovered",
    "lost",
    "written_off",
    "withdrawn",
]
STATES: tuple[State, ...] = get_args(State)
# What the mirror says decides among these, in any order: a new card, a dispute, Stripe's own next try.
ACTIVE: tuple[State, ...] = ("with_stripe", "scheduled", "retrying", "waiting_for_customer", "snoozed", "on_hold")
ENDED: tuple[State, ...] = ("recovered", "lost", "written_off", "withdrawn")
IN_RECOVERY: tuple[State, ...] = ("open", *ACTIVE)

MOVES: dict[State, tuple[State, ...]] = {
    "open": (*ACTIVE, *ENDED),
    **{state: (*(other for other in ACTIVE if other != state), *ENDED) for state in ACTIVE},
    # Given up here, but the invoice is open at Stripe: another card, or a person, may still bring the money.
    "lost": (*ACTIVE, "recovered", "written_off", "withdrawn"),
    # Stripe may refuse to write it off, and a customer may pay what was written off.
    "written_off": (*ACTIVE, "recovered", "lost", "withdrawn"),
    "recovered": (),
    "withdrawn": (),
}


class NoSuchMove(Exception):
    """A state was reached that cannot follow the one before."""


def follow(state: State, to: State) -> State:
    """The state after a move. Raises NoSuchMove."""
    if to not in MOVES[state]:
        may = ", ".join(MOVES[state]) or "nothing"
        raise NoSuchMove(f"The recovery is {state}, so it cannot become {to}; {may} may follow.")
    return to
