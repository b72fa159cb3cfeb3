"""How far a counted share may lie from the true one: Wilson's interval, and Newcombe's for the difference of two shares."""

import math

MILLION = 1_000_000
# So many standard deviations hold 95 % of a normal distribution; beyond so many more, on one side, lies one in 10,000. That much is
# asked where the question is put anew each day: at 99 % every second company would be alerted falsely once a year.
Z95, Z_DAILY = 1.959964, 3.719016


def wilson_ppm(part: int, whole: int, *, z: float = Z95) -> tuple[int, int]:
    """The interval of `part` of `whole` (more than 0) in parts per million, its ends rounded outwards (Wilson 1927)."""
    square = z * z
    middle = (2 * part + square) / (2 * (whole + square))
    half = z * math.sqrt(square + 4 * part * (whole - part) / whole) / (2 * (whole + square))
    return math.floor(max(0.0, middle - half) * MILLION), math.ceil(min(1.0, middle + half) * MILLION)


def rise_at_least_ppm(now: tuple[int, int], before: tuple[int, int], *, z: float = Z_DAILY) -> int:
    """What the share has risen by at the least, in parts per million; 0 or less where chance alone may have moved it.

    `now` and `before` are (part, whole); the lower end of Newcombe's interval for a difference (1998, his method 10).
    """
    share, share_before = now[0] / now[1], before[0] / before[1]
    low, _ = wilson_ppm(*now, z=z)
    _, high_before = wilson_ppm(*before, z=z)
    spread = math.hypot(share - low / MILLION, high_before / MILLION - share_before)
    return math.floor((share - share_before - spread) * MILLION)
