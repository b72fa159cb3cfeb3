"""Whoever presses a button is named, and what became of it is said in a sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from billing.commands import Command
from dashboard.command_state import command_line

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
WRITTEN_DOWN = Command(
    command_id=UUID(int=7),
    kind="refund.create",
    intent_key="a",
    subject="a",
    object_id="ch_1",
    params={},
    params_sha256="",
    amount_minor=1,
    currency="usd",
    state="waiting",
    key_version=1,
    attempts=0,
    troubles=0,
    first_sent_at=None,
    next_attempt_at=NOW,
    lease_token=None,
    lease_until=None,
    answer=None,
    answer_id=None,
    refusal=None,
    last_trouble=None,
    requested_by="sam (support)",
    requested_at=NOW - timedelta(hours=3),
    settled_at=None,
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Written down; it is sent to Stripe in a moment."),
        ({"troubles": 1, "last_trouble": "busy"}, "Not sent yet, tried again shortly (busy)."),
        ({"state": "sending"}, "Sent to Stripe 3 hours ago; its answer is awaited."),
        ({"state": "succeeded", "answer_id": "re_1"}, "Done at Stripe as re_1."),
        ({"state": "refused", "refusal": {"sentence": "Already refunded."}}, "Stripe refused: Already refunded."),
        ({"state": "refused", "refusal": {"sentence": "Disputed.", "code": "precondition"}}, "Not sent: Disputed."),
        ({"state": "needs_review", "troubles": 10}, "Given up after 10 tries: a person has to look at it."),
    ],
)
def test_a_command_is_told_in_one_sentence(changes: dict[str, object], sentence: str) -> None:
    line = command_line(replace(WRITTEN_DOWN, **changes), NOW).replace("\\", "")  # type: ignore[arg-type] # real fields
    assert line.endswith(f": {sentence}")
    assert line.startswith(":material/")  # never by words or color alone


def test_the_name_and_role_in_the_sidebar_are_the_ones_that_act() -> None:
    def page() -> None:
        import streamlit as st

        from dashboard.acting_as import acting_as

        st.write(str(acting_as()))

    app = AppTest.from_function(page, default_timeout=60).run()
    assert app.markdown[0].value == "support (support)"
    app.sidebar.text_input[0].set_value("  Ada   Byron ").run()
    app.sidebar.selectbox[0].select("founder").run()
    assert app.markdown[0].value == "Ada Byron (founder)"
    app.sidebar.text_input[0].set_value(" ").run()
    assert app.markdown[0].value == "support (founder)"  # nobody acts without a name
