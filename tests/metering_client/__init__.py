"""Tests of the client: what a provider's answer says about its usage."""
