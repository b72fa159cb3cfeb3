"""Tests of what may change at Stripe."""
