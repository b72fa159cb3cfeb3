"""Tests of pricing: money, usage units, price entries, the cost engine, revenue and margin."""
