"""The sandbox's banks dispute charges, take evidence once, let deadlines pass and decide, and the balance follows."""

import io
from hashlib import sha256
from typing import Any

import pytest
import stripe

from tests.sandbox.shop import DAY
from tests.sandbox.test_billing_refusals import paid_charge, refused
from tests.sandbox_fixtures import SandboxServer

PDF = b"%PDF-1.7\r\n--looks like a boundary\r\n\r\n\x00\xff%%EOF"
MALLORYS = "file_mallorys"


def disputed(server: SandboxServer, sdk: stripe.StripeClient, **given: Any) -> str:
    return str(server.control("/disputes", {"charge": paid_charge(sdk), **given})["id"])


def upload(sdk: stripe.StripeClient, content: bytes = PDF, purpose: Any = "dispute_evidence") -> stripe.File:
    named = io.BytesIO(content)
    named.name = "usage log.pdf"
    return sdk.v1.files.create({"purpose": purpose, "file": named})


def nets(sdk: stripe.StripeClient, dispute: str) -> list[int]:
    """What a dispute did to the balance, oldest first."""
    return [one.net for one in sdk.v1.balance_transactions.list({"source": dispute}).data][::-1]


def test_a_file_is_kept_by_its_hash(sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient) -> None:
    """Whatever its bytes are."""
    made = upload(stripe_sdk)

    assert (made.purpose, made.size, made.type, made.filename) == ("dispute_evidence", len(PDF), "pdf", "usage log.pdf")
    assert stripe_sdk.v1.files.retrieve(made.id).size == len(PDF)
    assert sandbox_server.control(f"/files/{made.id}")["sha256"] == sha256(PDF).hexdigest()


@pytest.mark.parametrize(
    ("content", "purpose", "says"),
    [
        (PDF + bytes(5_000_000), "dispute_evidence", "must have between 1 and 5,000,000"),
        (b"", "dispute_evidence", "must have between 1"),
        (b"MZ program", "dispute_evidence", "must be a PDF, PNG or JPEG"),
        (PDF, "holiday_pictures", "Invalid purpose"),
    ],
)
def test_a_file_that_is_refused(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, content: bytes, purpose: str, says: str
) -> None:
    sandbox_server.service.on_exchange = None  # the description knows no such purpose
    assert says in str(refused(sandbox_server, lambda: upload(stripe_sdk, content, purpose)))


def test_evidence_is_staged_with_files_and_then_sent_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Countering costs a second 15.00 beside the 50.00 and the first 15.00; won, all but the first fee comes back."""
    dispute, log = disputed(sandbox_server, stripe_sdk, reason="product_not_received"), upload(stripe_sdk)
    assert nets(stripe_sdk, dispute) == [-5_000 - 1_500]

    draft: Any = {"service_documentation": log.id, "uncategorized_text": "412 calls in May."}
    staged = stripe_sdk.v1.disputes.update(dispute, {"evidence": draft, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    sent = stripe_sdk.v1.disputes.update(dispute, {"submit": True, "expand": ["evidence.service_documentation"]})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert sent.evidence.service_documentation["size"] == len(PDF)  # type: ignore[index]  # expanded
    refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(dispute, {"evidence": draft}))
    assert nets(stripe_sdk, dispute) == [-6_500, -1_500]

    sandbox_server.control(f"/disputes/{dispute}/resolve", {"status": "won"})
    assert nets(stripe_sdk, dispute) == [-6_500, -1_500, 5_000 + 1_500]
    assert len(stripe_sdk.v1.disputes.retrieve(dispute).balance_transactions) == 2
    types = [event.type for event in stripe_sdk.v1.events.list({"type": "charge.dispute.*"}).data]
    assert types[::-1] == [
        f"charge.dispute.{what}"
        for what in ("created", "funds_withdrawn", "updated", "updated", "funds_reinstated", "closed")
    ]


@pytest.mark.parametrize("purpose", ["business_logo", None])
def test_evidence_that_is_no_file_of_ours(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, purpose: str | None
) -> None:
    """Mallory's file is not in this account; a logo was not uploaded as evidence."""
    dispute = disputed(sandbox_server, stripe_sdk)
    file = upload(stripe_sdk, purpose=purpose).id if purpose else MALLORYS

    error = refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(dispute, {"evidence": {"receipt": file}}))

    assert error.param == "evidence[receipt]"


def test_a_deadline_that_passes_loses_the_dispute(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Staged evidence that was never sent does not help."""
    dispute = disputed(sandbox_server, stripe_sdk)
    stripe_sdk.v1.disputes.update(dispute, {"evidence": {"product_description": "Seats"}, "submit": False})

    sandbox_server.advance(days=9)
    assert stripe_sdk.v1.disputes.retrieve(dispute).status == "needs_response"
    sandbox_server.advance(seconds=1)

    assert stripe_sdk.v1.disputes.retrieve(dispute).status == "lost"
    assert nets(stripe_sdk, dispute) == [-5_000 - 1_500]


def test_an_inquiry_moves_money_only_when_it_is_escalated(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """An answered inquiry costs nothing; nobody escalates the other one, which the bank takes no answer to."""
    asked = disputed(sandbox_server, stripe_sdk, status="warning_needs_response")
    quiet = disputed(sandbox_server, stripe_sdk, status="warning_needs_response", due_by=None)
    assert stripe_sdk.v1.disputes.retrieve(quiet).evidence_details.due_by is None
    evidence: Any = {"evidence": {"product_description": "Seats"}}
    refused(sandbox_server, lambda: stripe_sdk.v1.disputes.update(quiet, evidence))
    assert stripe_sdk.v1.disputes.update(asked, evidence).status == "warning_under_review"
    assert nets(stripe_sdk, asked) == []

    escalated = sandbox_server.control(f"/disputes/{asked}/resolve", {"status": "needs_response"})

    assert (escalated["is_charge_refundable"], escalated["evidence_details"]["submission_count"]) == (False, 0)
    assert escalated["payment_method_details"]["card"]["case_type"] == "chargeback"
    assert nets(stripe_sdk, asked) == [-5_000 - 1_500]
    assert stripe_sdk.v1.disputes.close(asked).status == "lost"
    sandbox_server.advance(days=120)
    assert stripe_sdk.v1.disputes.retrieve(quiet).status == "warning_closed"


@pytest.mark.parametrize(("word", "end"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_words_for_testing_decide_at_once(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient, word: str, end: str
) -> None:
    dispute = disputed(sandbox_server, stripe_sdk)
    assert stripe_sdk.v1.disputes.update(dispute, {"evidence": {"uncategorized_text": word}}).status == end


def test_two_old_payments_with_the_same_card_make_compelling_evidence(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """200 and 130 days before the disputed payment count, 119 days do not; ip and account must be the same."""
    buyer = stripe_sdk.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )

    def pay(then_days: int) -> str:
        intent = stripe_sdk.v1.payment_intents.create(
            {
                "amount": 5_000,
                "currency": "usd",
                "customer": buyer.id,
                "payment_method": str(buyer.invoice_settings.default_payment_method),
                "confirm": True,
            }
        )
        sandbox_server.advance(seconds=then_days * DAY)
        return str(intent.latest_charge)

    first, second, third, last = pay(70), pay(11), pay(119), pay(0)
    dispute = sandbox_server.control("/disputes", {"charge": last, "reason": "fraudulent"})
    assert dispute["enhanced_eligibility_types"] == ["visa_compelling_evidence_3"]

    def standing(*priors: str) -> Any:
        who = {"customer_purchase_ip": "198.51.100.7", "customer_account_id": "acct-ada", "product_description": "API"}
        evidence: Any = {
            "enhanced_evidence": {
                "visa_compelling_evidence_3": {
                    "disputed_transaction": {**who, "merchandise_or_services": "services"},
                    "prior_undisputed_transactions": [{**who, "charge": prior} for prior in priors],
                }
            }
        }
        found = stripe_sdk.v1.disputes.update(dispute["id"], {"evidence": evidence, "submit": False})
        return found.evidence_details.enhanced_eligibility.visa_compelling_evidence_3

    assert standing(first).required_actions == ["missing_prior_undisputed_transactions"]
    assert standing(first, third).status == "not_qualified"
    assert standing(first, second).status == "qualified"
