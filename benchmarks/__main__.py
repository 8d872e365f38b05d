"""Measures the project's claims, prints a table and writes benchmarks/results.json.

    python -m benchmarks                  everything, in about ten minutes
    python -m benchmarks prepare_crops    one benchmark

Ratios hold within one run, on one machine; the results say which.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib
import json
import os
import pathlib
import platform
import tempfile

import psutil
import rich.console
import rich.table

from benchmarks.rows import Row

BENCHMARKS = (
    *("prepare_crops", "read_crops", "real_crops", "crop_series"),
    *("ice_sets", "ice_models"),
)
"""Modules of this package that have ``main(folder) -> list[Row]``."""

RESULTS = pathlib.Path(__file__).with_name("results.json")
"""Where the latest results of each benchmark are kept."""


def main() -> None:
    """Runs the benchmarks that the command line names, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", help=", ".join(BENCHMARKS))
    parser.add_argument("--folder", help="where made data go; a temporary one")
    arguments = parser.parse_args()
    for name in arguments.name:
        if name not in BENCHMARKS:
            parser.error(f"{name!r} is none of {', '.join(BENCHMARKS)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in arguments.name or BENCHMARKS:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            module = importlib.import_module(f"benchmarks.{name}")
            rows = module.main(pathlib.Path(folder))
        if not rows:
            continue
        rich.console.Console().print(_table(name, rows))
        results[name] = {
            "machine": _machine(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "rows": [
                dataclasses.asdict(row)
                | ({} if row.ratio is None else {"ratio": round(row.ratio, 3)})
                for row in rows
            ],
        }
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _table(name: str, rows: list[Row]) -> rich.table.Table:
    table = rich.table.Table(title=f"{name} on {_machine()}")
    for heading in ("measured", "value", "beside", "its value", "ratio", "wanted"):
        right = heading in ("value", "its value", "ratio")
        table.add_column(heading, justify="right" if right else "left")
    for row in rows:
        peer = "" if row.peer_value is None else _number(row.peer_value)
        table.add_row(
            row.name,
            f"{_number(row.value)} {row.unit}",
            row.peer,
            peer,
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.wanted,
        )
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine() -> str:
    name = platform.processor() or platform.machine()
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores of {name}, {memory:.0f} GiB, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
