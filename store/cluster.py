"""The cost queries on an existing Spark cluster: the same text translated, in UTC, with overflow as an error, over Parquet files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlglot
from sqlglot import exp

# What a query means must not depend on the cluster it runs on.
SETTINGS = {
    # Days are days of UTC, wherever the cluster stands.
    "spark.sql.session.timeZone": "UTC",
    # A number that does not fit is an error, never a wrapped number or a NULL.
    "spark.sql.ansi.enabled": "true",
    # Parquet's moments without a zone stay so: they are UTC already.
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
}
# DuckDB sums integers in 128 bits. Spark's widest integer of the kind is a decimal without a fraction.
WIDE = exp.DataType.build("decimal(38, 0)", dialect="spark")
NEEDS_EXTRA = (
    "The cluster needs pyspark, which is not installed: `uv sync --extra cluster`, and Java 17 on this machine."
)


class ClusterNotReachable(Exception):
    """Pyspark is missing or the cluster did not answer. The sentence says which; with that mended, trying again will help."""


def to_spark(query: str) -> str:
    """A query of pricing.cube_query, or another in DuckDB's dialect that keeps to the same means, as Spark reads it.

    Sums are taken in decimals of 38 digits, as wide as DuckDB's HUGEINT, so that both engines answer the same number.
    """

    tree = sqlglot.parse_one(query, read="duckdb")
    for kind in list(tree.find_all(exp.DataType)):
        if kind.this == exp.DataType.Type.INT128:
            kind.replace(WIDE.copy())
    for total in list(tree.find_all(exp.Sum)):
        total.set("this", exp.cast(total.this, WIDE.copy()))
    return tree.sql(dialect="spark")


@contextmanager
def session(master: str, *, settings: Mapping[str, str] | None = None) -> Iterator[Any]:
    """A Spark session at `master` (`spark://host:7077`, `yarn`, `k8s://…`) for the block, with SETTINGS over all others.

    `settings` are Spark's own: executor memory, cores, what the object storage needs. Raises ClusterNotReachable.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra that few installations have
    except ModuleNotFoundError as absent:
        raise ClusterNotReachable(NEEDS_EXTRA) from absent
    builder: Any = SparkSession.builder.master(master).appName("metering")
    for name, value in {**(settings or {}), **SETTINGS}.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as problem:
        # Pyspark lets Java's exceptions, its own and the operating system's through, without a class in common.
        raise ClusterNotReachable(f"No Spark session at {master}: {str(problem).splitlines()[0]}") from problem
    try:
        yield spark
    finally:
        spark.stop()


def name_tables(spark: Any, tables: Mapping[str, Sequence[str]]) -> None:
    """Name the Parquet files (or folders, or object storage addresses) that queries read; files that lack a column have NULL there.

    The cluster's workers must reach them by the same addresses.
    """
    for table, paths in tables.items():
        spark.read.option("mergeSchema", "true").parquet(*paths).createOrReplaceTempView(table)


def answer(spark: Any, query: str) -> Any:
    """The query's answer as a Spark DataFrame, not yet computed: `.collect()` it, or write it where the cube belongs."""
    return spark.sql(to_spark(query))
