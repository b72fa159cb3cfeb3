"""The demo company's daily mail: somebody on its list, so that there is one to look at. It is not sent: the demo has no mail server."""

from collections.abc import Callable
from datetime import datetime

from rich.console import Console

from billing import digest_settings
from billing.principals import OPERATOR
from pipelines.installation import Installation
from store import digests
from store.database import tenant_transaction

ADDRESS, NAME = "fay@demo.example", "Fay Founder"


def put_on_the_list(console: Console, installation: Installation, *, now: Callable[[], datetime]) -> None:
    """Put the founder on a list that nobody is on yet, and say how to see the mail."""
    with tenant_transaction(installation.engine, installation.tenant_id) as connection:
        if not digests.recipients(connection):
            digest_settings.add_recipient(
                connection, installation.tenant_id, ADDRESS, name=NAME, role="founder", principal=OPERATOR, now=now()
            )
    console.print("The daily mail: METERING_TENANT=demo metering digest preview --out mail.html", highlight=False)
