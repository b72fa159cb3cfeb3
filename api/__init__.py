"""What machines call: health, Stripe's webhooks, and the refund queue."""
