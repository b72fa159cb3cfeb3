"""A link in a message does one thing for one person until its day, and nobody can make or change one without the secret."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.action_links import NOT_OURS, VERBS, Action, Verb, link, read, token

NOW = datetime(2026, 3, 1, 7, tzinfo=UTC)
SECRET, OTHER = b"s" * 32, b"t" * 32
ALERT = UUID("11111111-2222-3333-4444-555555555555")
ACTION = Action("planned", ALERT, "ana@acme.example", NOW + timedelta(days=14))
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~%"


def test_a_link_carries_its_action_its_alert_its_recipient_and_its_end() -> None:
    address = link("https://m.acme.example", SECRET, "planned", ALERT, "ana@acme.example", ACTION.expires_at)
    before, _, held = address.rpartition("/")
    assert before == "https://m.acme.example/alerts/act"
    assert read(SECRET, held, NOW) == ACTION
    assert link("https://m.acme.example", SECRET, "planned", ALERT, "ana@acme.example", ACTION.expires_at) == address


def test_a_link_that_ends_mails_has_its_own_path_and_no_alert() -> None:
    address = link("https://m.acme.example", SECRET, "unsubscribe", None, "ana@acme.example", ACTION.expires_at)
    before, _, held = address.rpartition("/")
    assert before == "https://m.acme.example/alerts/unsubscribe"
    assert read(SECRET, held, NOW) == Action("unsubscribe", None, "ana@acme.example", ACTION.expires_at)


def test_a_link_ends_at_its_second_in_whatever_zone_it_was_dated() -> None:
    east = timezone(timedelta(hours=9))
    held = token(
        SECRET, Action("confirm", ALERT, "ana@acme.example", datetime(2026, 3, 1, 17, tzinfo=east))
    )  # 08:00 UTC
    assert isinstance(read(SECRET, held, datetime(2026, 3, 1, 7, 59, 59, tzinfo=UTC)), Action)
    assert read(SECRET, held, datetime(2026, 3, 1, 8, tzinfo=UTC)) == "This link ended on 2026-03-01 at 08:00 UTC."


def test_a_link_of_another_tenant_or_installation_is_a_forged_one() -> None:
    assert read(OTHER, token(SECRET, ACTION), NOW) == NOT_OURS


def test_a_token_of_a_later_version_is_not_read_as_one_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.action_links.VERSION", "2")
    later = token(SECRET, ACTION)
    monkeypatch.undo()
    assert read(SECRET, later, NOW) == "This link is of another version of the service."
    assert read(SECRET, "1" + later[1:], NOW) == NOT_OURS


@given(
    verb=st.sampled_from(VERBS),
    alert_id=st.none() | st.uuids(),
    recipient=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    days=st.integers(1, 90),
)
def test_whatever_is_signed_is_read_back(verb: Verb, alert_id: UUID | None, recipient: str, days: int) -> None:
    action = Action(verb, alert_id, recipient, NOW + timedelta(days=days))
    assert read(SECRET, token(SECRET, action), NOW) == action


@given(place=st.integers(0, len(token(SECRET, ACTION)) - 1), sign=st.sampled_from(SIGNS))
def test_any_changed_letter_is_refused(place: int, sign: str) -> None:
    """Also in the signature's last letter, whose two spare bits base64 itself would overlook."""
    held = token(SECRET, ACTION)
    changed = held[:place] + sign + held[place + 1 :]
    assert (read(SECRET, changed, NOW) == ACTION) is (changed == held)
    assert isinstance(read(SECRET, changed, NOW), str) is (changed != held)


@given(place=st.integers(0, len(token(SECRET, ACTION))), bit=st.integers(0, 7))
def test_any_flipped_bit_and_any_cut_is_refused(place: int, bit: int) -> None:
    held = token(SECRET, ACTION)
    flipped = bytearray(held.encode())
    if place < len(held):
        flipped[place] ^= 1 << bit
        assert isinstance(read(SECRET, flipped.decode("latin-1"), NOW), str)
        assert read(SECRET, held[:place], NOW) == NOT_OURS
    assert read(SECRET, held + "A", NOW) == NOT_OURS


@given(st.text(max_size=1500))
def test_whatever_else_stands_in_the_address_is_refused_without_an_error(given: str) -> None:
    assert read(SECRET, given, NOW) == NOT_OURS
