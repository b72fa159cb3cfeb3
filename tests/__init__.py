"""Tests mirror the rooms; `journeys/` runs end to end and `test_house.py` holds the walls."""
