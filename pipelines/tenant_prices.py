"""The price book of a tenant: the public one with the tenant's own prices over it, and what it says in short."""

from datetime import datetime

from pricing.own_prices import OwnPriceBook
from pricing.price_book import PriceBook, load_catalogue
from pricing.repricing import own_fingerprint, public_fingerprint
from store import own_prices
from store.database import Connection


def tenant_book(connection: Connection, *, known_at: datetime | None = None) -> PriceBook:
    """The book for the tenant of the open transaction, as it is known now or was known at a moment."""
    own = own_prices.read(connection, known_at=known_at)
    return OwnPriceBook(load_catalogue(), own) if own else load_catalogue()


def fingerprint(connection: Connection) -> str:
    """What the tenant's book says: the public part and the own part, with a colon between them."""
    return f"{public_fingerprint()}:{own_fingerprint(own_prices.read(connection))}"
