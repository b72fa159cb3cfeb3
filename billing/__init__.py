"""What may change at Stripe: pure decisions and one gateway; no decision is made in this room yet."""
