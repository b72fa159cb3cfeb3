"""The evidence as a PDF: what can be read out of it, its limits, and the same bytes for the same holdings."""

from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

import billing.evidence_pdf
from billing import evidence_fonts
from billing.evidence import Evidence, assemble
from billing.evidence_document import sections
from billing.evidence_facts import Holdings, Policy, UsageDay
from billing.evidence_pdf import BYTES_MAX, PAGES_MAX, EvidenceTooLong, evidence_pdf
from tests.billing.holdings_of_ada import PAID_AT, a_charge, disputed_as, holdings, used


def pdf_of(held: Holdings) -> bytes:
    return evidence_pdf(held, assemble(held))


def read(made: bytes) -> tuple[int, str]:
    """The number of pages and all words of them, with single spaces between."""
    pages = PdfReader(BytesIO(made)).pages
    return len(pages), " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_numbers_can_be_read_out_of_the_document() -> None:
    made = pdf_of(disputed_as("duplicate"))
    pages, text = read(made)
    assert pages == 3
    for expected in (
        "Evidence in dispute dp_1",
        "From our records as of 2026-11-25 12:00 UTC",
        "duplicate (network reason code 10.4)",
        "ch_11, 49.00 USD on 2026-11-01 09:30 UTC",
        "Billing address 12 St James's Square, London, GB",
        "IP address at payment 203.0.113.7",
        "Team plan 1 November 2026 to 30 November 2026 49.00 USD",
        "ch_10, 49.00 USD on 2026-10-01 09:30 UTC",
        "2026-11-19 10 gpt-4o chat, search 10,000 1,000",
        "All 20 days 200 200,000 20,000",  # 20 days x 10 calls, of 1,000 and 100 tokens each
        "How customers see them: Both policies are linked beside the pay button.",
        "Refunds (published at https://acme.example/refunds): Refunds within 14 days.",
        "dp_1 Page 3 of 3",
    ):
        assert expected in text
    assert made == pdf_of(disputed_as("duplicate")), "the same holdings give the same bytes"


def test_a_name_in_any_writing_is_there_or_is_spelled_by_its_code_points() -> None:
    held = holdings()
    assert held.customer is not None
    made = pdf_of(replace(held, customer=replace(held.customer, name="Zażółć Іван \u5f35")))
    _, text = read(made)
    assert "Zażółć Іван U+5F35" in text
    assert "Letters that the font of this document does not have are written as their code point" in text
    assert len(made) < 100_000
    assert made == pdf_of(replace(held, customer=replace(held.customer, name="Zażółć Іван \u5f35")))


def test_without_the_font_of_the_pages_the_readers_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_fonts, "letters", frozenset)
    held = holdings()
    assert held.customer is not None
    _, text = read(pdf_of(replace(held, customer=replace(held.customer, name="Zoë Иван"))))
    assert "Zoë U+0418 U+0432 U+0430 U+043D" in text


def test_years_of_use_fit_into_what_mastercard_takes() -> None:
    days = tuple(used(date(2025, 7, 1) + timedelta(n)) for n in range(500))
    made = pdf_of(replace(disputed_as("product_not_received"), usage=days))
    assert len(PdfReader(BytesIO(made)).pages) <= PAGES_MAX == 19
    assert len(made) <= BYTES_MAX


def test_days_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing.evidence_pdf, "PAGES_MAX", 4)
    pages, text = read(pdf_of(holdings(usage=tuple(used(date(2026, 6, 1) + timedelta(n)) for n in range(170)))))
    assert pages <= 4
    assert "All 170 days 1,700" in text
    assert "Left out for length: 120 further days with 1,200 calls; the total counts them." in text  # 170 - 50
    monkeypatch.setattr(billing.evidence_pdf, "PAGES_MAX", 1)
    with pytest.raises(EvidenceTooLong, match=r"The document has 2 pages and [\d,]+ bytes; 1 pages"):
        pdf_of(holdings())


def test_the_longest_words_leave_room_for_the_facts() -> None:
    long = "word " * 20_000
    held = disputed_as("credit_not_processed", policy=Policy(10, long, long, long, long, long, long))
    assert read(pdf_of(held))[0] <= PAGES_MAX


def test_what_is_not_known_is_said_to_be_so() -> None:
    unknown = UsageDay(date(2026, 11, 2), 3)
    parts = {
        part.title: part for part in sections(*_of(holdings(usage=(unknown, used(date(2026, 11, 3))))), usage_rows=10)
    }
    table = parts["Use of the service by day"].table
    assert table is not None
    assert table.rows[1] == ("2026-11-02", "3", "not known", "not known", "not known", "not known")
    assert table.total == ("All 2 days", "13", "", "", "not known", "not known")


def test_a_dispute_of_which_nothing_else_is_held_still_makes_a_document() -> None:
    bare = replace(holdings(), charge=None, customer=None, invoices=(), charges=(), usage=(), subscription=None)
    pages, text = read(pdf_of(replace(bare, policy=Policy())))
    assert pages == 1
    assert "Disputed amount 49.00 USD" in text


def test_only_the_newest_of_many_earlier_payments_are_listed() -> None:
    many = tuple(a_charge(f"ch_old_{n}", PAID_AT - timedelta(n + 1)) for n in range(35))
    parts = {part.title: part for part in sections(*_of(holdings(charges=many)), usage_rows=10)}
    earlier = parts["Earlier payments of this customer that nobody disputed"]
    assert earlier.table is not None
    assert (len(earlier.table.rows), earlier.note) == (30, "5 older payments are left out.")
    assert earlier.table.rows[0][1:3] == ("ch_old_0", "the same")


def _of(held: Holdings) -> tuple[Holdings, Evidence]:
    return held, assemble(held)
