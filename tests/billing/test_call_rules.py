"""Which addresses may be called, how a call is signed, and what Slack is shown, whatever a customer is called."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import slack_blocks, standard_webhooks
from billing.call_gateway import CallGateway
from billing.mails import Refused
from billing.public_addresses import AddressRefused, addresses_of, is_public
from store.channel_settings import Channel
from store.outgoing_mails import OutgoingMail

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_may_not_be_called(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    if not address.startswith("::ffff"):
        with pytest.raises(AddressRefused, match="METERING_PRIVATE_WEBHOOKS=true"):
            asyncio.run(addresses_of(address, 443, may_be_private=False))


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_internet_may(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001"])
def test_another_spelling_of_this_machine_is_this_machine(host: str) -> None:
    """The system's resolver reads these as 127.0.0.1, so its answer is looked at and not the name."""
    with pytest.raises(AddressRefused):
        asyncio.run(addresses_of(host, 443, may_be_private=False))
    assert {"127.0.0.1", "::1"} >= set(asyncio.run(addresses_of(host, 443, may_be_private=True)))


def test_the_specifications_own_example_is_signed_as_it_says() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' test vector."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = standard_webhooks.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], datetime.fromtimestamp(1614265330, UTC)
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_rolled_the_old_and_the_new_one_sign() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    made = standard_webhooks.headers("id", b"{}", [b"new", b"old"], now)["webhook-signature"].split(" ")
    signed = f"id.{int(now.timestamp())}.{{}}".encode()
    for signature, secret in zip(made, (b"new", b"old"), strict=True):
        expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        assert signature == f"v1,{expected}"


def test_the_verification_that_the_docs_show_takes_our_calls_and_no_others() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(docs.split("```python\n")[1].split("```")[0], shown)
    now, keys = datetime.now(UTC), [b"n" * 32, b"o" * 32]
    new, old, other = (f"whsec_{base64.b64encode(key).decode()}" for key in (*keys, b"x" * 32))
    made = standard_webhooks.headers("id", b'{"a":1}', keys, now)
    assert all(shown["is_ours"](made, b'{"a":1}', [secret]) for secret in (new, old))
    assert not shown["is_ours"](made, b'{"a":1}', [other])
    assert not shown["is_ours"](made, b'{"a":2}', [new])
    assert not shown["is_ours"](made | {"webhook-id": "other"}, b'{"a":1}', [new])
    late = standard_webhooks.headers("id", b'{"a":1}', keys, now - timedelta(seconds=302))
    assert not shown["is_ours"](late, b'{"a":1}', [new])


def alert(**more: object) -> dict[str, Any]:
    """What a message holds of an alert."""
    return {
        "alert_id": "11111111-2222-3333-4444-555555555555",
        "detector": "cost_spike",
        "impact_minor": 3_012_40,
        "currency": "usd",
        "first_day": "2026-02-20",
        "last_day": "2026-02-28",
        "is_provisional": False,
        "split": [
            {"label": "Tokens per request", "impact_minor": 2_512_40},
            {"label": "Requests", "impact_minor": 500_00},
        ],
        **more,
    }


def words(payload: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in payload["blocks"]]


def test_slack_shows_the_sentence_the_stake_the_split_those_through_whom_and_the_answers() -> None:
    data = {"sentence": "Northwind's AI cost rose.", "alert": alert(), "children": [{"sentence": "gpt-4o rose."}]}
    links = {
        "open": "https://m/spikes?alert=1",
        "confirm": "https://m/alerts/act/1.a.b",
        "not_an_issue": "https://m/alerts/act/1.c.d",
    }
    payload: dict[str, Any] = slack_blocks.payload("alert.opened", data, links)
    assert words(payload) == [
        "New alert",
        "Northwind's AI cost rose.",
        "*+$3,012.40* against what was expected (2026-02-20 to 2026-02-28)\n• Tokens per request +$2,512.40\n• Requests +$500.00",
        "*Through*\n• gpt-4o rose.",
        "<https://m/spikes?alert=1|*Open*> · <https://m/alerts/act/1.a.b|Confirm> · <https://m/alerts/act/1.c.d|Not an issue>",
    ]
    assert (payload["text"], payload["unfurl_links"]) == ("New alert: Northwind's AI cost rose.", False)
    resolved = slack_blocks.payload("alert.resolved", data, links)
    assert words(resolved)[-1] == "<https://m/spikes?alert=1|*Open*>"


def test_what_is_at_stake_is_not_held_against_an_expectation_that_a_rule_does_not_have() -> None:
    data = {"sentence": "They owe.", "alert": alert(detector="past_due_burn", is_provisional=True, split=[])}
    assert words(slack_blocks.payload("alert.opened", data, {"open": "https://m"}))[2] == (
        "*+$3,012.40* at stake (2026-02-20 to 2026-02-28, the last day still running)"
    )


def test_an_alert_without_money_and_with_many_children_is_shown_too() -> None:
    children = [{"sentence": f"Number {number}."} for number in range(11)]
    data = {"sentence": "Late.", "alert": alert(impact_minor=None, split=[]), "children": children}
    shown = words(slack_blocks.payload("alert.worsened", data, {"open": "https://m"}))
    assert shown[0] == "Much worse"
    assert shown[-2].endswith("• Number 7.\nand 3 more")


@given(name=st.text(max_size=5000))
def test_no_name_calls_anybody_links_anywhere_or_breaks_slacks_limits(name: str) -> None:
    data = {
        "sentence": name,
        "alert": alert(split=[{"label": name, "impact_minor": 1}] * 20),
        "children": [{"sentence": name}] * 20,
    }
    payload: dict[str, Any] = slack_blocks.payload("alert.opened", data, {})
    for text in [payload["text"], *words(payload)]:
        assert "<" not in text
        assert ">" not in text
        assert len(text) <= 3000
    assert len(payload["blocks"]) <= 50
    assert json.loads(json.dumps(payload)) == payload


def message(recipient: str) -> OutgoingMail:
    """A message that waits for a webhook."""
    now = datetime.now(UTC)
    return OutgoingMail(
        mail_id=UUID(int=7), mail_key="a", kind="channel.test", about="channel:ops", recipient=recipient, subject="", text_body="{}",
        html_body=None, images=[], headers={}, state="waiting", attempts=1, next_attempt_at=now, lease_token=None, lease_until=None,
        last_trouble=None, asked_by="x", asked_at=now, sent_at=None, channel="webhook",
    )  # fmt: skip


def test_what_no_receiver_could_take_is_refused_before_anybody_is_called() -> None:
    @dataclass
    class Bodies:
        size: int

        def body(self, message: OutgoingMail) -> bytes:
            return b" " * self.size

    def never() -> bool:
        pytest.fail("nothing was to be sent")

    ops = Channel("webhook", "ops", "https://ops.example", (b"s" * 32,))
    too_large = CallGateway([ops], Bodies(256 * 1024 + 1)).deliver(message("ops"), datetime.now(UTC), never)
    assert too_large == Refused(413, "The message is larger than the 256 kB that are sent.")
    unknown = CallGateway([ops], Bodies(1)).deliver(message("pager"), datetime.now(UTC), never)
    assert unknown == Refused(404, "The settings name no webhook channel pager (any more).")
