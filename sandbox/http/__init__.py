"""Stripe's API over HTTP: requests read and refused, objects listed and expanded, answers kept and replayed, faults on request."""
