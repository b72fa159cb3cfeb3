"""Every kind of change at Stripe that this product knows, by name."""

from billing.commands import CommandKind
from billing.refund_command import REFUND_CREATE

KINDS: dict[str, CommandKind] = {kind.name: kind for kind in (REFUND_CREATE,)}
