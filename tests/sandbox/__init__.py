"""Tests of the Stripe stand-in, through the official SDK over HTTP."""
