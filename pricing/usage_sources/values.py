"""The values of a usage file to typed columns: whole numbers, moments, amounts and labels, whatever type they came in."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import polars as pl

from metering_client.values import shown

FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC)
PICO = 10**12
_AMOUNT_MAX = 2**63 - 1
# Types that polars gives no text for. Old writers of Parquet keep text as bytes.
_WITHOUT_TEXT = (pl.Binary, pl.List, pl.Array, pl.Struct, pl.Duration, pl.Object)
_EPOCH_UNITS = ((10**17, 1, 1000), (10**14, 1, 1), (10**11, 1000, 1), (0, 1_000_000, 1))
_ZONE = r"[+-]\d{2}(?::?\d{2})?$"
_AMOUNT = re.compile(r"\d{0,20}(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)


def labels(column: pl.Series) -> pl.Series:
    """Text without spaces around it; null for nothing. Numbers and booleans become their text."""
    if isinstance(column.dtype, _WITHOUT_TEXT):
        column = pl.Series(column.name, [_written(value) for value in column.to_list()], pl.String)
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.set(text == "", None)


def _written(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


def counters(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Whole numbers (Int64, null for nothing), and which values were something else.

    A fraction of zeros is no fraction: frames that once had gaps write 1200 as 1200.0. NaN is such a gap.
    """
    if column.dtype.is_integer():
        whole = column.cast(pl.Int64, strict=False)
        return whole, whole.is_null() & column.is_not_null()
    if column.dtype.is_float():
        column = column.fill_nan(None)
        whole = column.round(0).cast(pl.Int64, strict=False)
        return whole, column.is_not_null() & (whole.is_null() | (column != column.round(0)))
    text = labels(column)
    digits = text.str.replace(r"\.0+$", "")
    whole = digits.cast(pl.Int64, strict=False)
    return whole, whole.is_null() & text.is_not_null()


def moments(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Instants in UTC (microseconds), and which values were something else.

    RFC 3339 text with its zone, or UTC where it names none; a date is its first moment; numbers are seconds, milliseconds,
    microseconds or nanoseconds since 1970, told apart by their size.
    """
    if isinstance(column.dtype, pl.Datetime):
        placed = column.dt.replace_time_zone("UTC") if column.dtype.time_zone is None else column
        found = placed.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    elif column.dtype == pl.Date:
        found = column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    elif column.dtype.is_numeric():
        found = _epochs(column)
    else:
        column = labels(column)
        found = _written_moments(column)
    in_range = found.is_between(FIRST_MOMENT, LAST_MOMENT, closed="left")
    found = found.set(~in_range.fill_null(value=True), None)
    return found, found.is_null() & column.is_not_null()


def moment_refusal(name: str, value: object) -> str:
    """What a value that is no moment is told."""
    return (
        f"{name} ({shown(value)}) must be a moment between {FIRST_MOMENT.year} and {LAST_MOMENT.year} such as "
        "2026-11-01T12:00:00Z"
    )


def amounts(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """USD amounts in pico-USD (Int64, to the nearest one; null for nothing), and which values were something else.

    Sources keep dollars as floats: their shortest text is what was meant, so the text is read, exactly.
    """
    if column.dtype.is_float():
        # Python's text of a float is the shortest that means it.
        column = pl.Series(column.name, [_written(value) for value in column.fill_nan(None).to_list()], pl.String)
    texts = labels(column)
    pico = {text: pico_usd(text) for text in texts.unique()}
    found = pl.Series(column.name, [pico[text] for text in texts], pl.Int64)
    return found, found.is_null() & texts.is_not_null()


def amount_refusal(name: str, value: object) -> str:
    """What a value that is no amount is told."""
    return f"{name} ({shown(value)}) must be an amount in USD of 0 or more such as 0.00125"


def pico_usd(value: object) -> int | None:
    """An amount in USD as pico-USD, half away from zero; None for nothing, and for what is no amount of 0 or more."""
    text = "" if value is None else str(value).strip()
    if not text or not _AMOUNT.fullmatch(text):
        return None
    try:
        scaled = Decimal(text).scaleb(12)
    except InvalidOperation:
        return None
    pico = int(scaled + Decimal("0.5"))
    return pico if pico <= _AMOUNT_MAX else None


def usd_text(pico: int) -> str:
    """An amount of 0 or more in pico-USD as exact decimal dollars without an exponent: 980000000 is 0.00098."""
    whole, parts = divmod(pico, PICO)
    return f"{whole}.{parts:012d}".rstrip("0").rstrip(".")


def _written_moments(text: pl.Series) -> pl.Series:
    """Instants from text; null where there is none in it."""
    counted = text.str.contains(r"^\d{9,20}(?:\.\d+)?$")
    spelled = text.to_frame("t").select(
        pl.col("t").str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00").str.replace(r"^(.{10}) ", "${1}T").alias("t")
    )
    zoned = spelled.select(
        pl.when(pl.col("t").str.contains(r"[zZ]$"))
        .then(pl.col("t").str.head(-1) + "+00:00")
        .when(pl.col("t").str.slice(10).str.contains(_ZONE))
        .then(pl.col("t"))
        .otherwise(pl.col("t").str.strip_suffix(" UTC") + "+00:00")
        .alias("t")
    )
    written = zoned["t"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
    if not counted.any():
        return written
    return written.zip_with(~counted.fill_null(value=False), _epochs(text.cast(pl.Decimal(38, 9), strict=False)))


def _epochs(column: pl.Series) -> pl.Series:
    """Instants from the time since 1970 in whichever unit its size speaks of."""
    value = pl.col(column.name)
    micros = pl.lit(None, pl.Int64)
    for least, times, over in reversed(_EPOCH_UNITS):
        micros = (
            pl.when(value >= least).then((value * times / over).cast(pl.Int64, strict=False)).otherwise(micros)
            if not column.dtype.is_integer()
            else pl.when(value >= least).then((value // over * times).cast(pl.Int64, strict=False)).otherwise(micros)
        )
    return column.to_frame().select(micros.cast(pl.Datetime("us", "UTC")).alias(column.name))[column.name]
