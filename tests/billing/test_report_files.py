"""A report on paper and as a workbook: one page, the same bytes, no formula from a name, and no amount where amounts are hidden."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader

from billing.investor_reports import preview
from billing.report_pdf import report_pdf
from billing.report_xlsx import report_xlsx
from pricing.investor_report import Definition, Figure, InvestorReport, Previous, canonical, sha256_of
from pricing.report_changes import CAUSES, Detail, Part
from pricing.report_view import Redaction, View, letters, view
from tests.billing.reported_company import NAMES, publish_october
from tests.store.warehouse_rows import OCTOBER

LOCKED = datetime(2026, 11, 3, 9, tzinfo=UTC)
TENANT = UUID("11111111-1111-1111-1111-111111111111")
SHEETS = ["Summary", "Customers", "Trend", "Definitions", "Confidence", "Changes"]
REDACTED: tuple[Redaction, ...] = ("percentages", "indexed")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> InvestorReport:
    """October's report as a second revision: a bill of $212.00 had come since the first."""
    found = preview(publish_october(tmp_path_factory.mktemp("report"), TENANT), OCTOBER)
    bill = Part(
        cause="provider_bill", revenue_minor=0, cost_minor=212_00, margin=Fraction(-212, 1_600),
        details=(Detail("google", 212_00),),
    )  # fmt: skip
    previous = Previous(
        revision=1, locked_at=LOCKED, content_hash="0" * 64, margin=Fraction(7_166, 10_000), parts=(bill,)
    )
    return replace(found, revision=2, locked_at=LOCKED.replace(day=20), previous=previous)


def seen(report: InvestorReport, redaction: Redaction) -> View:
    return view(report, redaction, sha256_of(canonical(report)))


def pdf_text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def workbook(xlsx: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(xlsx)) as parts:
        return {name: parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml")}


def numeric_cells(sheet: str) -> Iterator[str]:
    """The numbers of a sheet as they are written; a text's cell holds only its place in the list of texts."""
    for cell in ET.fromstring(sheet).iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}c"):
        if cell.get("t") != "s":
            yield from (value.text or "" for value in cell)


def numbers(value: object) -> Iterator[Fraction]:
    """Every number anywhere in a view, dates apart."""
    if isinstance(value, Fraction):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            yield from numbers(getattr(value, part.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from numbers(part)


def test_the_page_is_one_page_with_question_answers_definitions_and_hash(report: InvestorReport) -> None:
    pdf = report_pdf(seen(report, "all"))
    text = pdf_text(pdf)
    assert len(PdfReader(BytesIO(pdf)).pages) == 1
    # (1,600.00 - 665.37) / 1,600.00 = 58.4 %; 665.37 / 1,600.00 = 41.6 %; 3 of 4 customers pay for themselves.
    for words in ("58.4%", "41.6%", "3 of 4", "2.4\u00d7", "$1,600", "Northwind Labs", "Definitions", "\u014c Ember"):
        assert words in text, words
    assert sha256_of(canonical(report)) in text.replace("\n", "")
    assert f"content-sha256:{sha256_of(canonical(report))}" in str(
        (PdfReader(BytesIO(pdf)).metadata or {})["/Keywords"]
    )
    assert "Google bill arrived (+$212 cost)" in " ".join(text.split())


def test_the_same_view_gives_the_same_bytes(report: InvestorReport) -> None:
    for redaction in ("all", *REDACTED):
        assert report_pdf(seen(report, redaction)) == report_pdf(seen(report, redaction))
        assert report_xlsx(seen(report, redaction)) == report_xlsx(seen(report, redaction))


def test_the_workbook_holds_numbers_with_units_and_a_name_is_only_a_name(report: InvestorReport) -> None:
    parts = workbook(report_xlsx(seen(report, "all")))
    assert re.findall(r'<sheet name="(\w+)"', parts["xl/workbook.xml"]) == SHEETS
    sheets = [parts[f"xl/worksheets/sheet{number}.xml"] for number in range(1, 7)]
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)
    assert (
        NAMES["cus_loss"].replace('"', "&quot;") in parts["xl/sharedStrings.xml"]
        or NAMES["cus_loss"] in parts["xl/sharedStrings.xml"]
    )
    assert "<v>1600</v>" in sheets[0]
    assert "<v>665.37</v>" in sheets[0]
    assert "#,##0.00" in parts["xl/styles.xml"].replace("&quot;", '"')


@pytest.mark.parametrize("redaction", REDACTED)
def test_what_hides_amounts_holds_none_of_them(report: InvestorReport, redaction: Redaction) -> None:
    """Neither an amount in any spelling, nor an exact fraction from which the cents could be worked out."""
    shown = seen(report, redaction)
    text = pdf_text(report_pdf(shown))
    strings = workbook(report_xlsx(shown))
    cells = {value for name, part in strings.items() if "sheet" in name for value in numeric_cells(part)}
    minors = [
        minor for row in report.customers for minor in (row.net_revenue_minor, row.cost_minor, row.gross_profit_minor)
    ]
    minors += [minor for month in report.trend for minor in (month.net_revenue_minor, month.cost_minor)]
    minors += [212_00]
    for minor in {abs(minor) for minor in minors if minor}:
        spelled = {str(minor), f"{minor / 100:.2f}", f"{minor / 100:,.2f}", f"${minor / 100:,.0f}"}
        assert not spelled & set(text.split()), minor
        # The three profitable customers are no $3.00.
        assert minor < 10_00 or not {f"{minor / 100:g}", str(minor)} & cells, minor
        for part in strings.values():
            assert f"${minor / 100:,.0f}" not in part
    assert "$" not in text
    assert all(number.denominator <= 1_000 for number in numbers(shown))


def test_an_index_begins_at_100_and_names_nobody(report: InvestorReport) -> None:
    shown = seen(report, "indexed")
    assert shown.trend[0].net_revenue == 100
    assert shown.trend[1].net_revenue == Fraction(1_111, 10)  # 1,600.00 / 1,440.00
    assert [row.name for row in shown.customers] == [*(f"Customer {letter}" for letter in "ABCD"), "No known customer"]
    said = pdf_text(report_pdf(shown)) + "".join(workbook(report_xlsx(shown)).values())
    assert not any(name in said or customer_id in said for customer_id, name in NAMES.items())
    assert [letters(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_company_with_many_long_names_still_fits_on_one_page(report: InvestorReport) -> None:
    row = replace(
        report.customers[0],
        name="Gesellschaft f\u00fcr \u5f35 Datenverarbeitung " * 4,
        status="negative",
        margin=Fraction(-3),
    )
    crowd = replace(report, customers=tuple(replace(row, customer_id=f"cus_{number}") for number in range(300)))
    pdf = report_pdf(seen(crowd, "all"))
    assert len(PdfReader(BytesIO(pdf)).pages) == 1
    assert "\u2026" in pdf_text(pdf)


def test_nine_causes_and_every_figure_leave_the_foot_free(report: InvestorReport) -> None:
    assert report.previous is not None
    parts = tuple(replace(report.previous.parts[0], cause=cause, revenue_minor=-1_234_00) for cause in CAUSES)
    names = ("mrr", "arr", "nrr", "grr", "quick_ratio", "usage_run_rate", "mrr_new", "mrr_churn")
    more = tuple(
        Figure(key=name, unit="money", value=Fraction(12_345_00), before=Fraction(11_000_00)) for name in names
    )
    told = tuple(
        Definition(key=name, name=name, formula="of the plan lines in force " * 3, version="1") for name in names
    )
    crowd = tuple(replace(report.customers[0], customer_id=f"cus_{number}", status="negative") for number in range(40))
    full = replace(
        report, previous=replace(report.previous, parts=parts), figures=(*report.figures, *more), customers=crowd,
        definitions=(*report.definitions, *told),
    )  # fmt: skip
    heights: list[float] = []

    def see(words: str, _user: object, place: list[float], *_: object) -> None:
        if words.strip():
            heights.append(place[5])

    PdfReader(BytesIO(report_pdf(seen(full, "all")))).pages[0].extract_text(visitor_text=see)
    foot = min(heights)
    assert min(height for height in heights if height > foot + 1) > foot + 9


def test_a_month_in_which_nothing_was_sold_is_drawn_without_a_margin(tmp_path: Path, report: InvestorReport) -> None:
    nothing = tuple(replace(month, net_revenue_minor=0, margin=None, low=None, high=None) for month in report.trend)
    figures = tuple(
        replace(figure, value=None, before=None) if figure.unit == "share" else figure for figure in report.figures
    )
    pdf = report_pdf(seen(replace(report, trend=nothing, figures=figures), "all"))
    assert "There is no gross margin to state" in pdf_text(pdf)
