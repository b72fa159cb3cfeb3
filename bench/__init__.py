"""Benchmarks as ratios to a floor or a peer of the same run; `python -m bench` runs them all."""
