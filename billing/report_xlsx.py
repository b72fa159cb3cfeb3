"""A report as a workbook: numbers as numbers with their units, no formulas, the same bytes for the same view."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from typing import Any

import xlsxwriter

from billing import report_words as words
from billing.report_texts import TITLE, heading
from pricing.money import exponent
from pricing.report_view import View, ViewUnit

# A customer's name is a text, whatever it begins with: nothing in it becomes a formula, a link or a number.
PLAIN = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
SHARE, TIMES, COUNT, INDEX = "0.0%", '0.0"\u00d7"', "#,##0", "0.0"
LARGEST_COLUMN = 60
Cell = tuple[object, ViewUnit | None]


def report_xlsx(shown: View) -> bytes:
    """The workbook: Summary, Customers, Trend, Definitions, Confidence, Changes."""
    made = BytesIO()
    book = _Book(made, shown)
    for name, title, rows in (
        ("Summary", ("Figure", "Value", "Month before", "Unit", "Definitions version"), _summary(shown)),
        ("Customers", _customer_titles(shown), _customers(shown)),
        ("Trend", _trend_titles(shown), _trend(shown)),
        ("Definitions", ("Figure", "Formula", "Version"), _definitions(shown)),
        ("Confidence", ("What", "Value"), _confidence(shown)),
        ("Changes", ("Cause", "Net revenue", "LLM cost", "Gross margin, points", "Largest movements"), _changes(shown)),
    ):
        book.sheet(name, title, rows)
    book.close()
    return made.getvalue()


class _Book:
    """The workbook with one format per unit; a number without a unit is written as text."""

    def __init__(self, made: BytesIO, shown: View) -> None:
        self.shown = shown
        self.book = xlsxwriter.Workbook(made, PLAIN)
        self.book.set_properties(
            {
                "title": f"{TITLE}, {words.month(shown.month)}",
                "company": shown.tenant_name,
                "keywords": f"content-sha256:{shown.content_hash or 'preview'} redaction:{shown.redaction}",
                "created": (shown.locked_at or shown.as_of).astimezone(UTC).replace(tzinfo=None),
            }
        )
        symbol = words.SYMBOLS.get(shown.currency, f"{shown.currency.upper()} ")
        places = "." + "0" * exponent(shown.currency) if exponent(shown.currency) else ""
        amount = f'"{symbol}"#,##0{places}'
        texts = {"money": f"{amount};-{amount}", "share": SHARE, "times": TIMES, "count": COUNT, "index": INDEX}
        self.formats = {unit: self.book.add_format({"num_format": text}) for unit, text in texts.items()}
        self.head = self.book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.title = self.book.add_format({"bold": True, "font_size": 14})
        self.small = self.book.add_format({"font_color": "#5B6472"})
        self.text = self.book.add_format({"text_wrap": True, "valign": "top"})
        self.day = self.book.add_format({"num_format": "mmm yyyy", "align": "left"})

    def sheet(self, name: str, titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """One sheet with the report's heading over its table."""
        sheet = self.book.add_worksheet(name)
        sheet.write_string(0, 0, f"{TITLE}, {words.month(self.shown.month)}", self.title)
        sheet.write_string(1, 0, " \u00b7 ".join(heading(self.shown)), self.small)
        sheet.write_string(2, 0, f"Content SHA-256 {self.shown.content_hash or 'none: a preview'}", self.small)
        for column, title in enumerate(titles):
            sheet.write_string(4, column, title, self.head)
        for place, row in enumerate(rows, start=5):
            for column, (value, unit) in enumerate(row):
                self._write(sheet, place, column, value, unit)
        for column, title in enumerate(titles):
            longest = max([len(title), *(len(str(row[column][0])) for row in rows if isinstance(row[column][0], str))])
            sheet.set_column(column, column, min(LARGEST_COLUMN, max(12, longest + 2)))
        sheet.freeze_panes(5, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)

    def _write(self, sheet: Any, row: int, column: int, value: object, unit: ViewUnit | None) -> None:
        if value is None:
            sheet.write_string(row, column, words.UNKNOWN if unit else "", self.text)
        elif isinstance(value, date):
            sheet.write_datetime(
                row, column, datetime(value.year, value.month, value.day, tzinfo=UTC).replace(tzinfo=None), self.day
            )
        elif isinstance(value, Fraction | int) and unit is not None:
            places = exponent(self.shown.currency) if unit == "money" else 0
            sheet.write_number(row, column, _decimal(Fraction(value) / int(10**places)), self.formats[unit])
        else:
            sheet.write_string(row, column, str(value), self.text)

    def close(self) -> None:
        """Write it out."""
        self.book.close()


def _decimal(value: Fraction) -> Decimal:
    """What a spreadsheet can hold of it: fifteen digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _summary(shown: View) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for figure in shown.figures:
        if figure.unit == "index" and shown.amounts is None:
            continue
        unit = {
            "money": shown.currency.upper(),
            "index": "first month = 100",
            "share": "%",
            "times": "times",
            "count": "number",
        }
        cells = ((figure.value, figure.unit), (figure.before, figure.unit), (unit[figure.unit], None))
        rows.append(((figure.name, None), *cells, (shown.definitions_version, None)))
    return rows


def _amount_titles(shown: View, *names: str) -> tuple[str, ...]:
    unit = {"money": shown.currency.upper(), "index": "index"}.get(shown.amounts or "")
    return tuple(f"{name}, {unit}" for name in names) if unit else ()


def _customer_titles(shown: View) -> tuple[str, ...]:
    months = tuple(f"Margin {month.month:%b %Y}" for month in shown.trend)
    amounts = _amount_titles(shown, "Net revenue", "LLM cost", "Gross profit")
    plan = () if shown.redaction == "indexed" else ("Plan",)
    return ("Customer", *plan, "Share of revenue", *amounts, "Gross margin", "Status", *months)


def _customers(shown: View) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for row in shown.customers:
        held = (row.net_revenue, row.cost, row.gross_profit)
        amounts: list[Cell] = [(value, shown.amounts) for value in held] if shown.amounts else []
        plan: list[Cell] = [] if shown.redaction == "indexed" else [(row.plan, None)]
        history: list[Cell] = [(share, "share") for share in row.history]
        rows.append(
            [
                (row.name, None),
                *plan,
                (row.revenue_share, "share"),
                *amounts,
                (row.margin, "share"),
                (row.status, None),
                *history,
            ]
        )
    return rows


def _trend_titles(shown: View) -> tuple[str, ...]:
    amounts = _amount_titles(shown, "Net revenue", "LLM cost")
    rest = ("LLM cost, % of revenue", "Gross margin", "Low", "High", "Priced", "Customers", "Profitable")
    return ("Month", *amounts, *rest)


def _trend(shown: View) -> list[Sequence[Cell]]:
    rows: list[Sequence[Cell]] = []
    for month in shown.trend:
        amounts: list[Cell] = (
            [(value, shown.amounts) for value in (month.net_revenue, month.cost)] if shown.amounts else []
        )
        spent = None if month.margin is None else 1 - month.margin
        shares: list[Cell] = [
            (share, "share") for share in (spent, month.margin, month.low, month.high, month.priced_share)
        ]
        rows.append([(month.month, None), *amounts, *shares, (month.customers, "count"), (month.profitable, "count")])
    return rows


def _definitions(shown: View) -> list[Sequence[Cell]]:
    return [[(each.name, None), (each.formula, None), (each.version, None)] for each in shown.definitions]


def _confidence(shown: View) -> list[Sequence[Cell]]:
    found = shown.confidence
    shares = (
        ("Usage with a price", found.priced_share), ("Cost with a customer", found.attributed_share),
        ("Reconciled with providers\u2019 bills", found.reconciled_share), ("Gross margin, low", found.low),
        ("Gross margin, high", found.high),
    )  # fmt: skip
    rows: list[Sequence[Cell]] = [[(name, None), (share, "share")] for name, share in shares]
    rows += [[("Status", None), (found.status, None)], [("Reason", None), (found.reason, None)]]
    rows += [
        [(f"Cost from {words.SOURCE_WORDS.get(source, source)}", None), (share, "share")]
        for source, share in shown.source_shares
    ]
    return rows


def _changes(shown: View) -> list[Sequence[Cell]]:
    empty: list[Cell] = [("", None)] * 4
    rows: list[Sequence[Cell]] = [[(words.revision_sentence(shown), None), *empty]]
    for part in shown.previous.parts if shown.previous else ():
        named = "; ".join(
            f"{detail.subject} {words.money(detail.amount_minor, shown.currency, plus=True)}" for detail in part.details
        )
        rows.append(
            [
                (words.cause_words(part.cause, [detail.subject for detail in part.details]), None),
                (part.revenue, shown.amounts), (part.cost, shown.amounts), (part.margin, "share"), (named, None),
            ]
        )  # fmt: skip
    return rows
