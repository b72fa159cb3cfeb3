"""A stand-in for Stripe that speaks its API 2026-10-28 over HTTP, with its own clock and an invented company inside."""
