#!/usr/bin/env python3
"""The figures of a month by another engine, from the raw export, against figures.csv.

`report/sql/*.sql` run in DuckDB or in Apache Spark. Every figure that is exact (counts, means of whole bit/s, percentiles,
shares) has to be equal to the last printed digit: the engine gives the double, this program rounds it half to even once, as
`Decimal::round` does. Where the value lies at the middle of two printed ones (within a millionth of a digit) engines that add in
another order may go to either side; these are counted apart. There is no other tolerance.

    by_sql.py --engine duckdb|spark [--master local[2]] --raw DIR/month=2026-10 --figures figures.csv
"""

import argparse
import csv
import datetime
import math
import pathlib
import sys
from decimal import Decimal

SQL = pathlib.Path(__file__).resolve().parents[2] / "report" / "sql"

# Metric: decimals printed (report/src/metric.rs).
DECIMALS = {
    "count": 0, "mbps": 2, "ms": 1, "percent": 1,
    "loss_percent": 3,
}


def decimals(metric):
    """Decimals of a metric: by its own name, else by its unit."""
    return DECIMALS.get(metric, DECIMALS[metric.rsplit("_", 1)[1]])


def printed(value, metric):
    """A double as figures.csv has it; nothing where there is nothing."""
    if value is None or value != value:
        return ""
    places = decimals(metric)
    if places == 0:
        return str(int(value))
    # Python rounds a float half to even, as round_ties_even does.
    units = round(float(value) * 10.0**places)
    return str(Decimal(units).scaleb(-places)) if units else f"{0:.{places}f}"


def cut_off_us(month, day):
    """Newest instant that is in time: the end of a day of the next month, UTC+7."""
    year, number = (int(part) for part in month.split("-"))
    after = datetime.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=7)))
    end = after + datetime.timedelta(days=day)
    return int(end.timestamp()) * 1_000_000 - 1


def by_duckdb(raw, settings):
    """Rows of the figures, as dictionaries."""
    import duckdb

    base = duckdb.connect()
    base.execute((SQL / "duckdb.sql").read_text(encoding="utf-8"))
    base.execute(f"CREATE VIEW raw AS SELECT * FROM read_parquet('{raw}/**/*.parquet', hive_partitioning = false)")
    base.execute(f"CREATE VIEW settings AS SELECT {settings}")
    for name in ("10_samples.sql", "20_grouped.sql"):
        base.execute((SQL / name).read_text(encoding="utf-8"))

    def rows(name):
        found = base.execute((SQL / name).read_text(encoding="utf-8"))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]

    return rows("30_figures.sql"), rows("31_top_device.sql")


def by_spark(raw, settings, master):
    """Rows of the figures, as dictionaries."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("ispeed month").config("spark.ui.enabled", "false")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "16",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        print("spark", spark.version, "master", master, "parallelism", spark.sparkContext.defaultParallelism)
        files = sorted(str(path) for path in pathlib.Path(raw).rglob("*.parquet"))
        spark.read.parquet(*files).createOrReplaceTempView("raw")
        spark.sql(f"SELECT {settings}").createOrReplaceTempView("settings")
        for name in ("10_samples.sql", "20_grouped.sql"):
            spark.sql((SQL / name).read_text(encoding="utf-8").rstrip().rstrip(";"))
        rows = [[row.asDict() for row in spark.sql((SQL / name).read_text(encoding="utf-8")).toLocalIterator()]
                for name in ("30_figures.sql", "31_top_device.sql")]
        return rows[0], rows[1]
    finally:
        spark.stop()


def at_a_half(value, published, metric):
    """Either neighbour of a value in the middle."""
    if value is None or value != value or published == "":
        return False
    scaled = float(value) * 10.0 ** decimals(metric)
    low = math.floor(scaled)
    printed_units = round(float(published) * 10.0 ** decimals(metric))
    return abs(scaled - low - 0.5) < 1e-6 and printed_units in (low, low + 1)


KEY = ("level", "code", "operator", "technology")


def compare(figures, rows):
    """Counts of equal figures by metric, those that differ, and how many lie at a half."""
    computed = {}
    for row in rows:
        key = tuple(row[name] for name in KEY)
        for metric, value in row.items():
            if metric not in KEY:
                computed[key + (metric,)] = value
    equal, differ, halves = {}, [], 0
    with open(figures, encoding="utf-8") as file:
        for line in csv.DictReader(file):
            key = tuple(line[name] for name in KEY) + (line["metric"],)
            group = key[:4] + ("samples_count",)
            if group not in computed or key not in computed:
                # A place without samples, or a metric that is not of samples alone (targets, history).
                continue
            found = printed(computed[key], line["metric"])
            if found == line["value"]:
                equal[line["metric"]] = equal.get(line["metric"], 0) + 1
            elif at_a_half(computed[key], line["value"], line["metric"]):
                halves += 1
            else:
                differ.append((key, line["value"], found))
    return equal, differ, halves


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("duckdb", "spark"), required=True)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--raw", required=True, help="folder month=YYYY-MM of the raw export")
    parser.add_argument("--figures", required=True)
    parser.add_argument("--cut-off-day", type=int, default=8)
    parser.add_argument("--floor-4g-mbps", type=float, default=10.0)
    parser.add_argument("--floor-5g-mbps", type=float, default=30.0)
    arguments = parser.parse_args()
    month = pathlib.Path(arguments.raw).name.removeprefix("month=")
    settings = (
        f"CAST({cut_off_us(month, arguments.cut_off_day)} AS BIGINT) AS cut_off_us, "
        f"CAST({arguments.floor_4g_mbps * 1e6} AS DOUBLE) AS floor_4g_bps, "
        f"CAST({arguments.floor_5g_mbps * 1e6} AS DOUBLE) AS floor_5g_bps"
    )
    if arguments.engine == "duckdb":
        figures, tops = by_duckdb(arguments.raw, settings)
    else:
        figures, tops = by_spark(arguments.raw, settings, arguments.master)
    equal, differ, halves = compare(arguments.figures, figures + tops)
    for metric in sorted(equal):
        print(f"ok {metric}: {equal[metric]} figures equal")
    for key, published, found in differ[:20]:
        print(f"FAILED {' '.join(key)}: figures.csv has {published!r}, {arguments.engine} {found!r}")
    total = sum(equal.values())
    if not equal:
        print("FAILED nothing was compared")
    print(f"{arguments.engine}: {total} figures equal to the last digit, {halves} at a half, {len(differ)} differ")
    return 1 if differ or not equal else 0


if __name__ == "__main__":
    sys.exit(main())
