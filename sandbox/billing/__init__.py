"""Stripe's billing engine in small: every function takes the state and Stripe's own parameters and answers the object.

All raise `sandbox.errors.StripeError` where Stripe would refuse. `params` is the decoded form body; scalars may be
strings or already typed. Objects are stored by `state.put` under their `object` name and are never expanded.

    customers      create_customer(state, params) · update_customer(state, id, params) · delete_customer(state, id)
                   adjust_balance(state, customer_id, params)
    cards          create_payment_method(state, params) · attach_payment_method(state, id, params)
                   detach_payment_method(state, id, params) · set_card_outcomes(state, id, outcomes)
                   Stripe's test names (pm_card_visa, pm_card_chargeDeclinedInsufficientFunds …) are accepted
                   wherever a payment method id is: resolve_payment_method(state, id_or_name, customer) -> dict
    catalog        create_product / update_product / create_price / update_price / create_coupon / create_tax_rate
                   delete_product / delete_coupon(state, id) · update_coupon / update_tax_rate(state, id, params)
    subscriptions  create_subscription(state, params) · update_subscription(state, id, params)
                   cancel_subscription(state, id, params) · pause_subscription / resume_subscription(state, id, params)
                   migrate_subscription(state, id, params)
                   create_subscription_item(state, params) · update_subscription_item(state, id, params)
                   delete_subscription_item(state, id, params)
    schedules      create_schedule(state, params) · update_schedule / release_schedule / cancel_schedule(state, id, params)
    invoices       create_invoice(state, params) · update_invoice(state, id, params) · delete_invoice(state, id)
                   finalize_invoice / pay_invoice / send_invoice / void_invoice / mark_uncollectible(state, id, params)
                   create_invoiceitem(state, params) · update_invoiceitem(state, id, params)
                   delete_invoiceitem(state, id)
                   preview_invoice(state, params): what a change of a subscription will be billed
                   set_retries(state, params)                                         [sandbox control]
    payments       create_payment_intent(state, params) · confirm_payment_intent(state, id, params)
                   update_payment_intent(state, id, params) · cancel_payment_intent(state, id, params)
                   create_charge(state, params) · update_charge(state, id, params)
    refunds        create_refund(state, params) · update_refund(state, id, params) · cancel_refund(state, id, params)
                   settle_refund(state, id) · fail_refund(state, id, reason)           [sandbox controls]
    disputes       update_dispute(state, id, params) · close_dispute(state, id, params)
                   open_dispute(state, charge_id, params) · resolve_dispute(state, id, status)   [sandbox controls]
    files          create_file(state, params) · sha256_of(state, id)                      [sandbox control]
    warnings       raise_fraud_warning(state, charge_id, params)                       [sandbox control]
    payouts        read_balance(state, params) · create_payout(state, params) · update_payout(state, id, params)
                   pay_out(state) · fail_payout(state, id, code)                       [sandbox controls]
    credit notes   create_credit_note / preview_credit_note(state, params) · update_credit_note / void_credit_note(state, id, params)
    credits        create_credit_grant(state, params) · update_credit_grant(state, id, params)
                   expire_credit_grant(state, id, params) · void_credit_grant(state, id, params)
                   credit_balance_summary(state, params)
    meters         create_meter(state, params) · update_meter(state, id, params)
                   deactivate_meter / reactivate_meter(state, id, params)
    meter events   create_meter_event(state, params) · create_adjustment(state, params) · event_summaries(state, id, params)
                   set_lag(state, seconds)                                             [sandbox control]
    test clocks    create_test_clock(state, params) · advance_test_clock(state, id, params) · delete_test_clock(state, id)
    cycle          cycle(state, until) moves the clock to `until` and does on the way all that falls due:
                   renewals, finalization an hour later, retries of failed payments, cancellations, refunds.

Kept out of the object until asked for with `expand`, as at Stripe: `price.tiers` (stored in `price`, absent where the
price stands inside a subscription item), `invoice.payments` (find `invoice_payment` by `invoice`), `charge.refunds`
(find `refund` by `charge`), `customer.subscriptions`. `subscription.items.data` holds the very dicts that are stored as
`subscription_item`. Kinds whose name starts with `sandbox.` are the sandbox's own and must not be served.
"""

from sandbox.billing.cards import (
    attach_payment_method,
    create_payment_method,
    detach_payment_method,
    resolve_payment_method,
    set_card_outcomes,
    update_payment_method,
)
from sandbox.billing.catalog import (
    create_coupon,
    create_price,
    create_product,
    create_tax_rate,
    delete_coupon,
    delete_product,
    update_coupon,
    update_price,
    update_product,
    update_tax_rate,
)
from sandbox.billing.collection import pay_invoice, set_final_dunning
from sandbox.billing.credit_notes import (
    create_credit_note,
    preview_credit_note,
    update_credit_note,
    void_credit_note,
)
from sandbox.billing.credits import (
    create_credit_grant,
    credit_balance_summary,
    expire_credit_grant,
    update_credit_grant,
    void_credit_grant,
)
from sandbox.billing.customer_balance import adjust_balance
from sandbox.billing.customers import create_customer, delete_customer, update_customer
from sandbox.billing.cycle import cycle
from sandbox.billing.disputes import close_dispute, open_dispute, resolve_dispute, update_dispute
from sandbox.billing.files import create_file, sha256_of
from sandbox.billing.fraud_warnings import raise_fraud_warning
from sandbox.billing.invoiceitems import create_invoiceitem, delete_invoiceitem, update_invoiceitem
from sandbox.billing.invoicing import (
    create_invoice,
    delete_invoice,
    finalize_invoice,
    mark_uncollectible,
    send_invoice,
    update_invoice,
    void_invoice,
)
from sandbox.billing.meter_events import create_adjustment, create_meter_event, event_summaries, set_lag
from sandbox.billing.meters import create_meter, deactivate_meter, reactivate_meter, update_meter
from sandbox.billing.payments import (
    cancel_payment_intent,
    confirm_payment_intent,
    create_charge,
    create_payment_intent,
    update_charge,
    update_payment_intent,
)
from sandbox.billing.payouts import create_payout, fail_payout, pay_out, read_balance, update_payout
from sandbox.billing.previews import preview_invoice
from sandbox.billing.refunds import cancel_refund, create_refund, fail_refund, settle_refund, update_refund
from sandbox.billing.retry_clock import set_retries
from sandbox.billing.schedules import cancel_schedule, create_schedule, release_schedule, update_schedule
from sandbox.billing.subscription_changes import (
    create_subscription_item,
    delete_subscription_item,
    update_subscription,
    update_subscription_item,
)
from sandbox.billing.subscription_pauses import pause_subscription, resume_subscription
from sandbox.billing.subscriptions import (
    cancel_subscription,
    create_subscription,
    migrate_subscription,
)
from sandbox.billing.test_clocks import advance_test_clock, create_test_clock, delete_test_clock

__all__ = [
    "adjust_balance",
    "advance_test_clock",
    "attach_payment_method",
    "cancel_payment_intent",
    "cancel_refund",
    "cancel_schedule",
    "cancel_subscription",
    "close_dispute",
    "confirm_payment_intent",
    "create_adjustment",
    "create_charge",
    "create_coupon",
    "create_credit_grant",
    "create_credit_note",
    "create_customer",
    "create_file",
    "create_invoice",
    "create_invoiceitem",
    "create_meter",
    "create_meter_event",
    "create_payment_intent",
    "create_payment_method",
    "create_payout",
    "create_price",
    "create_product",
    "create_refund",
    "create_schedule",
    "create_subscription",
    "create_subscription_item",
    "create_tax_rate",
    "create_test_clock",
    "credit_balance_summary",
    "cycle",
    "deactivate_meter",
    "delete_coupon",
    "delete_customer",
    "delete_invoice",
    "delete_invoiceitem",
    "delete_product",
    "delete_subscription_item",
    "delete_test_clock",
    "detach_payment_method",
    "event_summaries",
    "expire_credit_grant",
    "fail_payout",
    "fail_refund",
    "finalize_invoice",
    "mark_uncollectible",
    "migrate_subscription",
    "open_dispute",
    "pause_subscription",
    "pay_invoice",
    "pay_out",
    "preview_credit_note",
    "preview_invoice",
    "raise_fraud_warning",
    "reactivate_meter",
    "read_balance",
    "release_schedule",
    "resolve_dispute",
    "resolve_payment_method",
    "resume_subscription",
    "send_invoice",
    "set_card_outcomes",
    "set_final_dunning",
    "set_lag",
    "set_retries",
    "settle_refund",
    "sha256_of",
    "update_charge",
    "update_coupon",
    "update_credit_grant",
    "update_credit_note",
    "update_customer",
    "update_dispute",
    "update_invoice",
    "update_invoiceitem",
    "update_meter",
    "update_payment_intent",
    "update_payment_method",
    "update_payout",
    "update_price",
    "update_product",
    "update_refund",
    "update_schedule",
    "update_subscription",
    "update_subscription_item",
    "update_tax_rate",
    "void_credit_grant",
    "void_credit_note",
    "void_invoice",
]
