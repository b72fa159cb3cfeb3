"""Keys that programs call the API with: made, shown once, replaced with an overlap, revoked; each deed has its audit line."""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing.principals import Principal
from store import api_keys, audit
from store.api_keys import ApiKey
from store.database import Connection

# What a key may be allowed, and what that means to people.
SCOPES = {"usage:write": "send usage events", "usage:read": "read what became of events that were sent"}
NAME_MAX, DAYS_MAX = 120, 3_650
MARK = "mtr"
LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LETTERS = string.digits + string.ascii_lowercase
# 43 letters of 62 are 256 bits, which need neither salt nor a slow hash.
ID_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 12, 43, 6
# Scanners of published code may look for it.
PATTERN = re.compile(
    rf"{MARK}_([a-z0-9][a-z0-9-]{{0,62}})_([0-9a-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECK_LENGTH}}}",
    re.ASCII,
)
_NOBODYS = hashlib.sha256(b"").hexdigest()


class KeyRefused(Exception):
    """What was asked of a key cannot be; the sentence says why."""


@dataclass(frozen=True)
class NewKey:
    """A key that was just made, with the text that is shown once and kept nowhere."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True)
class Named:
    """What a key's own text says before anything is looked up: whose it is, and which."""

    tenant_slug: str
    key_id: str


def create(
    connection: Connection,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    events_per_day: int | None,
    requests_per_second: int | None,
    principal: Principal,
    now: datetime,
) -> NewKey:
    """Make a key in the tenant's open transaction. Limits are of new events a UTC day and of requests; None for none. Raises KeyRefused."""
    _may(principal, "making a key")
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_MAX:
        raise KeyRefused(
            f"Say in 1 to {NAME_MAX} characters what the key is for: it stands in the list and in the audit log."
        )
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise KeyRefused(
            f"{', '.join(unknown) or 'Nothing'} cannot be allowed to a key: it is some of {', '.join(SCOPES)}."
        )
    if expires_at is not None and not now < expires_at <= now + timedelta(days=DAYS_MAX):
        raise KeyRefused(
            f"A key lasts up to {DAYS_MAX} days from now, or until it is revoked; not until {expires_at:%Y-%m-%d %H:%M}."
        )
    for limit, what in ((events_per_day, "events a day"), (requests_per_second, "requests a second")):
        if limit is not None and limit < 1:
            raise KeyRefused(f"A limit of {limit} {what} lets nothing through: give 1 or more, or none.")
    made = _new(
        connection, name, tuple(dict.fromkeys(scopes)), expires_at, events_per_day, requests_per_second, principal, now
    )
    _audit(connection, "api_key:create", made.key, principal, now)
    return made


def rotate(connection: Connection, key_id: str, *, overlap: timedelta, principal: Principal, now: datetime) -> NewKey:
    """A new key with the old one's name, scopes and limits; the old one ends after the overlap. Raises KeyRefused.

    A key that would have ended lasts as long again as it was made for.
    """
    _may(principal, "replacing a key")
    old = _known(connection, key_id)
    if not old.is_open(now):
        raise KeyRefused(f"The key {key_id} ({old.name}) has ended, so there is nothing to replace: make a new one.")
    if not timedelta() <= overlap <= timedelta(days=90):
        raise KeyRefused("Both keys may work together for up to 90 days.")
    until = None if old.expires_at is None else now + (old.expires_at - old.made_at)
    made = _new(
        connection, old.name, old.scopes, until, old.events_per_day, old.requests_per_second, principal, now, key_id
    )
    api_keys.expire(connection, key_id, now + overlap)
    _audit(connection, "api_key:rotate", made.key, principal, now)
    return made


def revoke(connection: Connection, key_id: str, *, principal: Principal, now: datetime) -> ApiKey:
    """End a key at once; ending it again changes nothing. Raises KeyRefused."""
    _may(principal, "revoking a key")
    key = _known(connection, key_id)
    if api_keys.revoke(connection, key_id, now=now, by=str(principal)):
        _audit(connection, "api_key:revoke", key, principal, now)
    return _known(connection, key_id)


def read(text: str) -> Named | None:
    """Whose key a text says that it is; None where it is none of ours or was not copied whole."""
    found = PATTERN.fullmatch(text)
    if found is None or _check(text[:-CHECK_LENGTH]) != text[-CHECK_LENGTH:]:
        return None
    return Named(found[1], found[2])


def proven(connection: Connection, named: Named, text: str, *, now: datetime) -> ApiKey | None:
    """The tenant's key that this text proves, while it may be used; None for a wrong, ended, revoked or unknown one alike."""
    key = api_keys.find(connection, named.key_id)
    # An unknown id takes the same work as a wrong secret.
    is_right = hmac.compare_digest(key.key_sha256 if key else _NOBODYS, sha256(text))
    return key if key is not None and is_right and key.is_open(now) else None


def sha256(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def _new(
    connection: Connection,
    name: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    events_per_day: int | None,
    requests_per_second: int | None,
    principal: Principal,
    now: datetime,
    replaces: str | None = None,
) -> NewKey:
    key_id = _random(ID_LETTERS, ID_LENGTH)
    begun = f"{MARK}_{api_keys.tenant_slug(connection)}_{key_id}_{_random(LETTERS, SECRET_LENGTH)}"
    text = begun + _check(begun)
    key = ApiKey(
        key_id=key_id,
        name=name,
        key_sha256=sha256(text),
        scopes=scopes,
        events_per_day=events_per_day,
        requests_per_second=requests_per_second,
        made_at=now,
        made_by=str(principal),
        expires_at=expires_at,
        replaces=replaces,
    )
    api_keys.add(connection, key)
    return NewKey(key, text)


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _check(begun: str) -> str:
    """Six letters that a mistyped or cut key does not have, so that it costs no look at the database."""
    number, letters = zlib.crc32(begun.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return letters


def _may(principal: Principal, deed: str) -> None:
    if not principal.ranks_at_least("founder"):
        raise KeyRefused(f"{principal} may see keys; {deed} takes a founder.")


def _known(connection: Connection, key_id: str) -> ApiKey:
    key = api_keys.find(connection, key_id)
    if key is None:
        raise KeyRefused(f"There is no key {key_id}: `metering keys list` shows those there are.")
    return key


def _audit(connection: Connection, action: str, key: ApiKey, principal: Principal, now: datetime) -> None:
    about = {
        "name": key.name,
        "scopes": list(key.scopes),
        "events_per_day": key.events_per_day,
        "requests_per_second": key.requests_per_second,
        "expires_at": key.expires_at,
        "replaces": key.replaces,
    }
    is_end = action.endswith("revoke")
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action=action,
        subject=f"api_key:{key.key_id}",
        before=about if is_end else None,
        after=None if is_end else about,
    )
