#!/usr/bin/env python3
"""Ten figures of a closed month, drawn by a seed, computed again from its public set by a program that shares nothing with ispeed.

Only the standard library computes; pyarrow reads the columns. Every value has to be equal to the last printed digit.

    recompute.py FOLDER [--seed N] [--count 10]
"""

import argparse
import csv
import pathlib
import random
import sys
from decimal import Decimal
from fractions import Fraction

OPERATORS = ("viettel", "vinaphone", "mobifone", "vietnamobile")
FIVE_G = ("5g", "5g_nsa", "5g_sa")
# Reasons of a run that reached nothing.
OF_FAILURES = {"no_service", "server_failed", "partial", "figures_missing", "evidence_missing", "server_unknown",
               "operator_unknown", "transport_unknown", "clock_unknown", "unattested"}
FLOORS_BPS = {"5g": 30e6, "4g": 10e6}


def operator_group(text):
    return text if text in OPERATORS else "other"


def technology_group(text):
    if text in FIVE_G:
        return "5g"
    return text if text in ("4g", "3g") else "other"


def percentile(values, part):
    """Between the two neighbours in order (Hyndman and Fan, type 7)."""
    values = sorted(values)
    if not values:
        return None
    at = part * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return Fraction(values[low]) + (Fraction(at) - low) * (Fraction(values[high]) - Fraction(values[low]))


def mean(values):
    values = list(values)
    return sum(map(Fraction, values)) / len(values) if values else None


def part(some, all_of_them):
    return Fraction(100 * some, all_of_them) if all_of_them else None


def column(rows, name):
    return [row[name] for row in rows if row[name] is not None]


def in_bps(metric):
    return metric.startswith(("down_", "up_"))


def compute(metric, rows):
    """A figure as an exact fraction; None where there is nothing to compute it from."""
    counted = [row for row in rows if row["counts"] and not row["late"]]
    uncapped = [row for row in counted if not is_capped(row)]
    if metric == "samples_count":
        return Fraction(len(rows))
    if metric == "counted_count":
        return Fraction(len(counted))
    if metric == "excluded_count":
        return Fraction(len(rows) - len(counted))
    if metric == "late_count":
        return Fraction(sum(row["late"] for row in rows))
    if metric in ("devices_count", "cells_count", "days_count"):
        name = {"devices_count": "device", "cells_count": "cell", "days_count": "day"}[metric]
        return Fraction(len(set(column(counted, name))))
    if metric == "top_device_share_percent":
        devices = column(counted, "device")
        return part(max(map(devices.count, set(devices))), len(devices)) if devices else None
    if metric.startswith("by_"):
        kind = {"by_citizens_count": "citizen", "by_officials_count": "official",
                "by_operators_count": "operator", "by_probes_count": "probe"}[metric]
        return Fraction(sum(row["measurer"] == kind for row in counted))
    if metric == "down_mean_without_operators_mbps":
        return mega(mean(column([row for row in uncapped if row["measurer"] != "operator"], "down_bps")))
    if in_bps(metric):
        name, statistic, _ = metric.split("_")
        if statistic == "mean":
            return mega(mean(column(uncapped, f"{name}_bps")))
        return mega(percentile(column(counted, f"{name}_bps"), {"median": 0.5, "p10": 0.1, "p90": 0.9}[statistic]))
    if metric == "above_floor_percent":
        pairs = [(row["down_bps"], FLOORS_BPS.get(technology_group(row["technology"]))) for row in counted]
        pairs = [pair for pair in pairs if None not in pair]
        return part(sum(down >= floor for down, floor in pairs), len(pairs))
    if metric == "loss_percent":
        return part(sum(column(counted, "echo_lost")), sum(column(counted, "echo_sent")))
    if metric == "failed_attempts_percent":
        others = [row for row in rows if is_failed_or_half(row)]
        failed = sum(row["outcome"] != "partial" for row in others)
        return part(failed, len(counted) + len(others))
    name = {"idle_latency_median_ms": "idle_ms", "loaded_down_latency_median_ms": "loaded_down_ms",
            "loaded_up_latency_median_ms": "loaded_up_ms", "pdv_median_ms": "pdv_ms"}.get(metric)
    return percentile(column(counted, name), 0.5) if name else KeyError


def is_capped(row):
    """A 5G sample that the byte budget ended: left out of means."""
    return row["byte_capped"] and technology_group(row["technology"]) == "5g"


def is_failed_or_half(row):
    """An attempt over mobile radio in a commune that did not count, for no other reason (REPORTING.md, 1)."""
    return (row["commune"] is not None and not row["counts"] and not row["late"]
            and row["outcome"] in ("no_service", "server_failed", "partial")
            and set(row["reasons"].split()) <= OF_FAILURES)


def mega(value):
    return None if value is None else value / 1_000_000


def equals(value, published):
    """Whether the figure has these digits: the exact value rounded half to even, and at an exact half either neighbour, since
    doubles cannot tell where a half is."""
    if value is None:
        return published == ""
    places = len(published.partition(".")[2])
    scaled = value * 10**places
    low = scaled.numerator // scaled.denominator
    half = abs(scaled - low - Fraction(1, 2)) < Fraction(1, 10**6)
    found = {low, low + 1} if half else {round(scaled)}
    return Decimal(published).scaleb(places) in found


def groups(row):
    """The groups a sample belongs to."""
    places = [("nation", "VN")]
    if row["commune"] is not None:
        places += [("province", row["province"]), ("commune", row["commune"])]
    for level, code in places:
        for operator in ("all", operator_group(row["operator"])):
            for technology in ("all", technology_group(row["technology"])):
                yield level, code, operator, technology


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    arguments = parser.parse_args()
    import pyarrow.parquet

    with open(arguments.folder / "figures.csv", encoding="utf-8") as file:
        figures = [line for line in csv.DictReader(file) if line["public"] == "true" and line["value"] != ""]
    chance = random.Random(arguments.seed)
    known = [line for line in figures if compute(line["metric"], []) is not KeyError]
    # From different metrics, so that ten are not ten counts.
    chance.shuffle(known)
    drawn, metrics = [], set()
    for line in known:
        if line["metric"] not in metrics and len(drawn) < arguments.count:
            drawn.append(line)
            metrics.add(line["metric"])
    wanted = {tuple(line[name] for name in ("level", "code", "operator", "technology")): [] for line in drawn}
    table = pyarrow.parquet.ParquetFile(arguments.folder / "samples.parquet")
    for batch in table.iter_batches(batch_size=20_000):
        for row in batch.to_pylist():
            for group in groups(row):
                if group in wanted:
                    wanted[group].append(row)
    wrong = 0
    for line in drawn:
        group = tuple(line[name] for name in ("level", "code", "operator", "technology"))
        found = compute(line["metric"], wanted[group])
        name = " ".join(group + (line["metric"],))
        if equals(found, line["value"]):
            print(f"ok {name} = {line['value']}")
        else:
            wrong += 1
            told = "nothing" if found is None else f"{float(found):.6f}"
            print(f"FAILED {name}: figures.csv has {line['value']}, recomputed {told} of {len(wanted[group])} samples")
    if len(drawn) < arguments.count:
        wrong += 1
        print(f"FAILED only {len(drawn)} public figures could be drawn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
