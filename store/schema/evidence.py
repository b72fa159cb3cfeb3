"""What a tenant says of its own shop in dispute evidence: the product, the policies, and how customers see them."""

from store.schema.base import moment, tenant_table, text_column

evidence_policies = tenant_table(
    "evidence_policies",
    text_column("product_description"),
    text_column("refund_text"),
    text_column("refund_url"),
    text_column("cancellation_text"),
    text_column("cancellation_url"),
    text_column("disclosure"),
    text_column("changed_by", nullable=False),
    moment("changed_at", nullable=False),
    key=[],
    commands=("select", "insert", "update"),
)
