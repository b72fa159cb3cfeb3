"""Journeys: end to end, through faults, in a browser."""
