"""Which evidence each of Stripe's dispute reasons calls for, how much each piece weighs, and where a missing one comes from."""

from collections.abc import Collection, Mapping

# Stripe's own limits: of each long text, and of all texts of a dispute together.
LONG_TEXT_MAX = 20_000
ALL_TEXT_MAX = 150_000

# Evidence that Stripe takes as a file; our one PDF shows it. The others are texts.
FILE_FIELDS = (
    "receipt",
    "service_documentation",
    "refund_policy",
    "cancellation_policy",
    "duplicate_charge_documentation",
    "uncategorized_file",
)
TEXT_FIELDS = (
    "customer_name",
    "customer_email_address",
    "customer_purchase_ip",
    "billing_address",
    "product_description",
    "service_date",
    "access_activity_log",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "duplicate_charge_id",
    "duplicate_charge_explanation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)

_FRAUDULENT = {
    "access_activity_log": 30,
    "customer_purchase_ip": 20,
    "customer_email_address": 10,
    "billing_address": 10,
    "uncategorized_text": 10,
    "customer_name": 5,
    "product_description": 5,
    "service_date": 5,
    "receipt": 5,
}
_GENERAL = {
    "access_activity_log": 30,
    "product_description": 15,
    "uncategorized_text": 15,
    "customer_email_address": 10,
    "service_date": 10,
    "receipt": 10,
    "customer_name": 5,
    "refund_policy_disclosure": 5,
}
# The weights are this house's judgment of what decides such a case, out of 100 for each reason; Stripe names the fields only.
NEEDS: Mapping[str, Mapping[str, int]] = {
    "fraudulent": _FRAUDULENT,
    "debit_not_authorized": _FRAUDULENT,
    "unrecognized": {
        "access_activity_log": 25,
        "product_description": 20,
        "receipt": 15,
        "customer_name": 10,
        "customer_email_address": 10,
        "billing_address": 5,
        "customer_purchase_ip": 5,
        "service_date": 5,
        "uncategorized_text": 5,
    },
    "product_not_received": {
        "access_activity_log": 35,
        "service_documentation": 20,
        "service_date": 15,
        "product_description": 10,
        "customer_name": 5,
        "customer_email_address": 5,
        "receipt": 5,
        "uncategorized_text": 5,
    },
    "product_unacceptable": {
        "access_activity_log": 25,
        "product_description": 20,
        "service_documentation": 15,
        "refund_policy_disclosure": 10,
        "refund_refusal_explanation": 10,
        "customer_name": 5,
        "customer_email_address": 5,
        "service_date": 5,
        "receipt": 5,
    },
    "subscription_canceled": {
        "cancellation_rebuttal": 25,
        "access_activity_log": 20,
        "cancellation_policy_disclosure": 20,
        "cancellation_policy": 15,
        "customer_name": 5,
        "customer_email_address": 5,
        "service_date": 5,
        "receipt": 5,
    },
    "credit_not_processed": {
        "refund_refusal_explanation": 30,
        "refund_policy": 20,
        "refund_policy_disclosure": 20,
        "access_activity_log": 10,
        "receipt": 10,
        "customer_name": 5,
        "customer_email_address": 5,
    },
    "duplicate": {
        "duplicate_charge_explanation": 35,
        "duplicate_charge_id": 20,
        "duplicate_charge_documentation": 10,
        "access_activity_log": 10,
        "receipt": 10,
        "customer_name": 5,
        "customer_email_address": 5,
        "service_date": 5,
    },
    "general": _GENERAL,
}
# Into which of Stripe's file fields the PDF goes, by reason; elsewhere it is an uncategorized file.
FILE_FIELD: Mapping[str, str] = {
    "product_not_received": "service_documentation",
    "product_unacceptable": "service_documentation",
    "subscription_canceled": "service_documentation",
    "duplicate": "duplicate_charge_documentation",
}

# What to do about a missing piece, in one sentence each.
WHERE_FROM: Mapping[str, str] = {
    "customer_name": "Give the customer a name at Stripe.",
    "customer_email_address": "Give the customer an e-mail address at Stripe.",
    "billing_address": "Ask for the billing address at checkout; Stripe keeps it with the charge.",
    "customer_purchase_ip": "Write the buyer's IP address into the charge's metadata at checkout, as customer_purchase_ip.",
    "product_description": "Describe the product in the evidence settings, or on the invoice's lines.",
    "service_date": "The charge paid no invoice that says which period it is for.",
    "access_activity_log": "Import the usage log of the disputed period and map it to this customer.",
    "refund_policy_disclosure": "Say in the evidence settings how customers see the refund policy before they pay.",
    "refund_refusal_explanation": "Explain why no refund is due; what we hold does not say.",
    "cancellation_policy_disclosure": "Say in the evidence settings how customers see the cancellation policy before they pay.",
    "cancellation_rebuttal": "Explain why the subscription was not canceled; what we hold does not say.",
    "duplicate_charge_id": "We hold no other charge of this customer that looks like this one.",
    "duplicate_charge_explanation": "Explain what each of the two charges was for; what we hold does not say.",
    "uncategorized_text": "We hold neither the charge nor its customer: pull from Stripe first.",
    "receipt": "Stripe gave the charge no receipt and it paid no invoice.",
    "service_documentation": "Import the usage log of the disputed period and map it to this customer.",
    "refund_policy": "Give the refund policy's text or link in the evidence settings.",
    "cancellation_policy": "Give the cancellation policy's text or link in the evidence settings.",
    "duplicate_charge_documentation": "We hold no invoice that tells the two charges apart.",
}


def needs_of(reason: str) -> Mapping[str, int]:
    """What the reason calls for, by weight; a reason that Stripe may yet invent is treated as `general`."""
    return NEEDS.get(reason, _GENERAL)


def completeness(reason: str, held: Collection[str]) -> tuple[int, tuple[str, ...]]:
    """How much of what the reason calls for is held, in percent rounded down, and what is missing, the heaviest first."""
    needs = needs_of(reason)
    missing = tuple(sorted((name for name in needs if name not in held), key=lambda name: -needs[name]))
    return 100 - sum(needs[name] for name in missing), missing


def too_long(fields: Mapping[str, str]) -> tuple[str, ...]:
    """What Stripe would refuse about these texts because of their length, one sentence each; for texts that a person has edited."""
    said = [
        f"{name} has {len(text):,} characters; Stripe takes {LONG_TEXT_MAX:,}."
        for name, text in fields.items()
        if len(text) > LONG_TEXT_MAX
    ]
    total = sum(map(len, fields.values()))
    if total > ALL_TEXT_MAX:
        said.append(f"All texts together have {total:,} characters; Stripe takes {ALL_TEXT_MAX:,}.")
    return tuple(said)
