"""The secret that signs links which act: the setting's, or one made once and kept in the home folder for its owner alone."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from store.embedded_postgres.folders import hand_over
from store.settings import Settings

FILE = "link-secret"
SHORTEST = 32


class LinkSecretDamaged(Exception):
    """The file with the link secret is cut off or empty; the sentence says where it lies and what to do."""


def link_secret(settings: Settings, tenant_id: UUID) -> bytes:
    """The tenant's own 32 bytes: a link of another tenant of the same installation is a forged one here.

    Raises LinkSecretDamaged for a file that holds none, and OSError where the home folder cannot be read or written.
    """
    given = settings.metering_link_secret
    kept = given.get_secret_value() if given is not None else _kept(settings.metering_home / FILE)
    return hmac.new(kept.encode(), b"links of " + tenant_id.bytes, hashlib.sha256).digest()


def _kept(path: Path) -> str:
    """The file's secret, made by whoever comes first: the page's process and the worker may both be first."""
    if not path.exists():
        _make(path)
    held = path.read_text(encoding="ascii").strip()
    if len(held) < SHORTEST:
        raise LinkSecretDamaged(
            f"{path} holds no whole secret: delete it, and links in messages that were sent end with it; or set METERING_LINK_SECRET."
        )
    return held


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole beside it and then linked: whoever reads finds all of it, and the second to come finds the first one's.
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(SHORTEST))
            file.flush()
            os.fsync(file.fileno())
        hand_over(unfinished)
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink(missing_ok=True)
