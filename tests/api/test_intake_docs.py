"""The examples of docs/usage-intake.md do what the page says, with this minute in the place of the page's."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from api.keys import KNOWN_SECONDS
from api.throttles import WRONG_MAX
from api.usage_bodies import DOCUMENTS, LINES, MAX_BYTES, MAX_EVENTS, MAX_SENT_BYTES, PROTOBUF
from api.usage_intake import MOST_HELD_BYTES, MOST_WAITING
from pipelines.drain_usage import IDS_KEPT, WAIT_AT_MOST
from pipelines.import_usage import PART_ROWS
from pricing.usage_sources.posted import AHEAD, ID_MAX, LABEL_MAX, LATE
from tests.api.intake_door import intake_app, new_key, send

PAGE = (Path(__file__).parents[2] / "docs" / "usage-intake.md").read_text(encoding="utf-8")


def test_the_first_example_is_answered_as_the_page_says(engine: Engine, tenant: UUID) -> None:
    sent = re.search(r"--json '\s*(\[.*?\])'", PAGE, re.DOTALL)
    answers = [json.loads(text) for text in re.findall(r'\n {4}(\{"accepted".*?\]\})\n', PAGE, re.DOTALL)]
    assert sent
    now = datetime.now(UTC) - timedelta(minutes=1)
    (event,) = json.loads(sent[1].replace("2026-11-25T12:00:00Z", now.isoformat()))
    app, key = intake_app(engine, tenant), new_key(engine, tenant)
    assert send(app, [event], key).json() == answers[0]
    wrong = event | {"event_id": "req-4712", "input_tokens": -5, "cache_read_tokens": 0}
    assert send(app, [event | {"event_id": "req-4713"}, wrong], key).json() == answers[1]


@pytest.mark.parametrize(
    "media", sorted(LINES - {"application/ndjson", "application/x-jsonlines", "application/jsonlines"})
)
def test_the_types_of_the_page_are_those_that_are_read(media: str) -> None:
    assert f"`{media}`" in PAGE
    assert all(f"`{each}`" in PAGE for each in (*DOCUMENTS, PROTOBUF))


def test_the_limits_of_the_page_are_those_that_are_kept() -> None:
    """Numbers in prose go stale; these are read out of the code."""
    said = [
        f"{MAX_EVENTS:,} events and {MAX_SENT_BYTES >> 20} MiB, unpacked {MAX_BYTES >> 20} MiB",
        f"{MOST_HELD_BYTES >> 20} MiB together, and {MOST_WAITING:,} events may wait",
        f"taken for {LATE.days} days",
        f"up to {AHEAD.seconds // 60} minutes ahead",
        f"up to {ID_MAX} characters and no control characters, other labels up to {LABEL_MAX:,} characters",
        f"where {PART_ROWS:,} wait",
    ]
    page = " ".join(PAGE.split())
    assert [sentence for sentence in said if sentence not in page] == []
    assert (timedelta(days=7), timedelta(minutes=10)) == (IDS_KEPT, WAIT_AT_MOST)  # "for a week", "for ten minutes"
    assert (KNOWN_SECONDS, WRONG_MAX) == (5.0, 20)  # docs/operations.md, docs/decisions/0303
