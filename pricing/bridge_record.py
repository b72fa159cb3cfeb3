"""A bridge's summary as a text that is kept with a version: whole numbers and fractions stay exact."""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pricing.bridge_story import Behind, Finding, Summary
from pricing.margin_bridge import PARTS, Part, Step, Totals


def to_text(summary: Summary) -> str:
    """The summary as JSON; `from_text` gives the same summary back."""
    return json.dumps(
        {
            "before": [summary.before.net_revenue_minor, summary.before.cost_minor],
            "after": [summary.after.net_revenue_minor, summary.after.cost_minor],
            "steps": [
                [step.part, step.revenue_minor, step.cost_minor, _written(step.points)] for step in summary.steps
            ],
            "told": [_finding(each) for each in summary.told],
            "by_customer": {part: _behind(each) for part, each in summary.by_customer.items()},
            "by_subject": {part: _behind(each) for part, each in summary.by_subject.items()},
        },
        separators=(",", ":"),
    )


def from_text(text: str) -> Summary:
    """The summary that was written."""
    held = json.loads(text)
    return Summary(
        before=Totals(*held["before"]),
        after=Totals(*held["after"]),
        steps=tuple(
            Step(part=_part(part), revenue_minor=revenue, cost_minor=cost, points=_read(points))
            for part, revenue, cost, points in held["steps"]
        ),
        told=tuple(_read_finding(each) for each in held["told"]),
        by_customer=_read_parts(held["by_customer"]),
        by_subject=_read_parts(held["by_subject"]),
    )


def _written(share: Fraction | None) -> str | None:
    return None if share is None else f"{share.numerator}/{share.denominator}"


def _read(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _part(name: str) -> Part:
    return PARTS[PARTS.index(name)]


def _finding(found: Finding) -> list[Any]:
    return [
        found.part,
        found.customer_id,
        found.subject,
        found.customers,
        _written(found.profit_minor),
        _written(found.points),
    ]


def _read_finding(held: list[Any]) -> Finding:
    part, customer_id, subject, customers, profit, points = held
    return Finding(
        part=_part(part),
        customer_id=customer_id,
        subject=subject,
        customers=customers,
        profit_minor=Fraction(profit),
        points=_read(points),
    )


def _behind(found: Behind) -> dict[str, Any]:
    return {
        "shown": [_finding(each) for each in found.shown],
        "others": found.others,
        "profit": _written(found.others_profit_minor),
    }


def _read_parts(held: Mapping[str, Any]) -> dict[Part, Behind]:
    return {
        _part(part): Behind(
            shown=tuple(_read_finding(each) for each in one["shown"]),
            others=one["others"],
            others_profit_minor=Fraction(one["profit"]),
        )
        for part, one in held.items()
    }
