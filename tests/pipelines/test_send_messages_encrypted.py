"""A call goes to the address that was looked at, and its certificate must be the name's: a name cannot be turned to another server."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing.call_gateway import CallGateway
from pipelines.send_mails import CALLS, send_due
from store.channel_settings import webhook_channels
from tests.mail_fixtures import certificate_of_localhost
from tests.pipelines.message_desk import BODIES, NOW, WHSEC, ask, see
from tests.webhook_fixtures import receiving


@pytest.mark.parametrize(
    ("name", "is_trusted", "state"),
    [("localhost", True, "sent"), ("localhost", False, "waiting"), ("127.0.0.1", True, "waiting")],
)
def test_the_certificate_must_be_the_names_and_of_somebody_who_is_trusted(
    engine: Engine, tenant: UUID, tmp_path: Path, name: str, is_trusted: bool, state: str
) -> None:
    own, trust = certificate_of_localhost(tmp_path)
    asked = ask(engine, tenant)
    with receiving(own) as receiver:
        (ops,) = webhook_channels(f"ops={receiver.url},{WHSEC}")
        channel = replace(ops, url=f"https://{name}:{receiver.port}/alerts")
        gateway = CallGateway([channel], BODIES, may_be_private=True, tls=trust if is_trusted else None)
        send_due(engine, tenant, gateway, now=NOW, channels=CALLS)
        came = [taken.headers["host"] for taken in receiver.taken]
    assert see(engine, tenant, asked).state == state
    assert came == ([f"localhost:{receiver.port}"] if state == "sent" else [])
