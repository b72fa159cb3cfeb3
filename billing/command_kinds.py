"""Every kind of change at Stripe that this product knows, by name."""

from billing.commands import CommandKind
from billing.dispute_commands import DISPUTE_KINDS
from billing.evidence_file import EVIDENCE_FILE
from billing.invoice_pay_command import INVOICE_PAY, INVOICE_WRITE_OFF
from billing.refund_command import REFUND_CREATE
from billing.schedule_commands import SCHEDULE_KINDS
from billing.subscription_commands import SUBSCRIPTION_KINDS
from billing.subscription_previews import SUBSCRIPTION_PREVIEW

KINDS: dict[str, CommandKind] = {
    kind.name: kind
    for kind in (
        REFUND_CREATE,
        *DISPUTE_KINDS,
        EVIDENCE_FILE,
        INVOICE_PAY,
        INVOICE_WRITE_OFF,
        *SUBSCRIPTION_KINDS,
        *SCHEDULE_KINDS,
        SUBSCRIPTION_PREVIEW,
    )
}
