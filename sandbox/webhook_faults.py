"""Faults of delivery on request: the next events that match reach their endpoints twice, late, in the wrong order or never."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from sandbox.billing.params import integer, required_integer
from sandbox.billing.refusals import invalid
from sandbox.webhook_sending import Delivery


class Kind(StrEnum):
    """How a delivery goes wrong."""

    DUPLICATE = "duplicate"  # sent again right after the first time, whatever was answered
    REORDER = "reorder"  # held until the last of the order is there, then all are sent, the newest first
    LOSE = "lose"  # never sent, though the event is listed as one that waits
    DELAY = "delay"  # sent when the sandbox's clock has moved on by `delay_seconds`


@dataclass
class WebhookFault:
    """An order for the next `times` events whose type matches (`*` stands for anything)."""

    kind: Kind
    type: str
    times: int
    delay_seconds: int = 0
    # What a reordering holds back, in the order in which it happened.
    held: list[Delivery] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """The order as JSON."""
        return {
            "kind": self.kind,
            "type": self.type,
            "times": self.times,
            "delay_seconds": self.delay_seconds,
            "held": len(self.held),
        }


@dataclass
class WebhookFaults:
    """The orders still open, first ordered first served."""

    waiting: list[WebhookFault] = field(default_factory=list)

    def order(self, params: dict[str, Any]) -> WebhookFault:
        """Take an order. Raises 400 on a kind that there is not, on a number below one, on a delay without seconds."""
        kinds = [str(kind) for kind in Kind]
        if params.get("kind") not in kinds:
            raise invalid(f"Invalid kind: must be one of {', '.join(kinds)}", param="kind")
        kind = Kind(params["kind"])
        times = integer(params, "times", 2 if kind is Kind.REORDER else 1)
        delay = required_integer(params, "delay_seconds") if kind is Kind.DELAY else 0
        if times is None or times < 1 or delay < 0:
            raise invalid("times must be at least 1 and delay_seconds at least 0.", param="times")
        made = WebhookFault(kind=kind, type=str(params.get("type") or "*"), times=times, delay_seconds=delay)
        self.waiting.append(made)
        return made

    def let_go(self) -> list[Delivery]:
        """All that is held back, the newest first; nothing is held any more."""
        held = [one for fault in self.waiting for one in reversed(fault.held)]
        for fault in self.waiting:
            fault.held = []
        return held

    def strike(self, event_type: str) -> WebhookFault | None:
        """The fault that hits an event of this type, counted off; None when none is ordered for it."""
        for fault in self.waiting:
            if fnmatchcase(event_type, fault.type):
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
                return fault
        return None
