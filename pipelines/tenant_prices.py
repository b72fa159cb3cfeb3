"""The price book of a tenant: the public one with the tenant's own prices over it, and what it says in short."""

from datetime import datetime

from pricing.own_prices import OwnPriceBook
from pricing.price_book import PriceBook, load_catalogue
from pricing.repricing import public_fingerprint, short_hash
from store import contract_terms, own_prices
from store.database import Connection


def tenant_book(connection: Connection, *, known_at: datetime | None = None) -> PriceBook:
    """The book for the tenant of the open transaction, as it is known now or was known at a moment."""
    own = own_prices.read(connection, known_at=known_at)
    return OwnPriceBook(load_catalogue(), own) if own else load_catalogue()


def fingerprint(connection: Connection) -> str:
    """What the tenant's book says, and what its contracts do: `public:own:terms`. Usage in the lake depends on the first two."""
    own = own_prices.read(connection)
    terms = [one.term.term_id for one in contract_terms.listed(connection)]
    return f"{public_fingerprint()}:{short_hash([entry.price_id for entry in own])}:{short_hash(terms)}"


def lake_part(mark: str | None) -> str | None:
    """What of a fingerprint the prices of single events depend on."""
    return None if mark is None else mark.rpartition(":")[0]
