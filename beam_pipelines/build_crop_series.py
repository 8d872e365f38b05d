"""Builds labelled crop series from Sentinel-2 products and a parcel map.

Two passes sample the parcels: the first counts candidates, the allocation gives each
class and tile its number, the second draws them. Then every stored block of the images
that holds samples is decoded once. The result is the data set `s2_crop_series`, and a
report. Options behind ``--`` go to Apache Beam; without any the work is done on this
machine, on all cores. A build that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Sequence

import apache_beam as beam
import fsspec
import numpy as np
import rich.table
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

import tfds_eo  # noqa: F401 - registers the builder.
from beam_pipelines import crop_series_report
from beam_pipelines.crop_series_config import Config, rules_of, sample_rule
from beam_pipelines.transforms.crop_series import (
    CountCandidates,
    DrawSamples,
    ExtractBlocks,
)
from tfds_eo import writing
from tfds_eo.geo import sampling
from tfds_eo.geo.sampling import Counts
from tfds_eo.s2_crop_series import candidates, extraction, work
from tfds_eo.s2_crop_series.candidates import TileCounts
from tfds_eo.s2_crop_series.extraction import BlockReceipt
from tfds_eo.s2_crop_series.steps import SampleRule, TileTask
from tfds_eo.s2_crop_series.work import WorkFolder
from tfds_eo.sensors import sentinel2_catalogue
from tfds_eo.sensors.sentinel2_catalogue import Catalogue

PIXEL_BYTES = 9.5
"""Bytes of all bands in a 10 m pixel at a date: three of 10 m and seven of 20 m."""


def run(config: Config, beam_args: Sequence[str] = ()) -> list[str | rich.table.Table]:
    """Builds the data set; returns the allocation and where everything lies."""
    options = PipelineOptions(list(beam_args)) if beam_args else None
    data_dir = config.data_dir or tfds.core.constants.DATA_DIR
    folder = WorkFolder(config.work_dir or f"{data_dir}/s2_crop_series_work")
    first, last = config.days()
    catalogue = sentinel2_catalogue.read_catalogue(
        config.products.split(","),
        first=first,
        last=last,
        most_cloud=config.most_cloud,
        tiles=config.tiles,
    )
    _check_broken(config, catalogue, {})
    rule = sample_rule(config, catalogue)
    _write_plan(config, folder, catalogue, rule)

    tasks = [TileTask(tile=series.grid.tile) for series in catalogue.tiles]
    counts = _count(folder, rule, tasks, options, _size(catalogue))
    pixels = np.array([c.pixels for c in counts], np.int64).T
    available = np.array([c.available for c in counts], np.int64).T
    allocation = sampling.allocate(pixels, available, config.allocation_rule())
    _write_allocation(folder, counts, allocation)

    tasks = [
        TileTask(tile=task.tile, allotted=tuple(allocation[:, number].tolist()))
        for number, task in enumerate(tasks)
    ]
    receipts = _draw_and_extract(folder, rule, tasks, options, _size(catalogue))
    broken = extraction.broken_dates(receipts)
    _check_broken(config, catalogue, broken)
    work.write_json(
        folder.file("extraction.json"),
        {
            "broken": broken,
            "decoded": sum(receipt.decoded for receipt in receipts),
            "blocks": len(receipts),
        },
    )

    builder = tfds.builder("s2_crop_series", data_dir=data_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=folder.path,
            beam_options=options,
            num_shards=config.num_shards,
            download_mode=(
                tfds.GenerateMode.REUSE_CACHE_IF_EXISTS
                if config.overwrite
                else tfds.GenerateMode.REUSE_DATASET_IF_EXISTS
            ),
        )
    )
    report = crop_series_report.write_report(
        folder.file("report.html"), folder, catalogue, counts, allocation, broken
    )
    unmapped = sorted({code for c in counts for code in c.unmapped})
    lines: list[str | rich.table.Table] = [allocation_table(counts, allocation)]
    if unmapped:
        lines.append(
            f"codes that the crosswalk does not have, now {config.unmapped}:"
            f" {', '.join(unmapped)}"
        )
    if catalogue.rejected or broken:
        lines.append(
            f"products not used: {len(catalogue.rejected)}; dates left out because a"
            f" block could not be read: {sum(map(len, broken.values()))}"
        )
    lines.append(f"report: {report}")
    lines.append(f"{builder.info.full_name} is ready: {builder.data_dir}")
    return lines


def allocation_table(
    counts: Sequence[TileCounts], allocation: Counts
) -> rich.table.Table:
    """Returns a table of candidates and samples of each class, over all tiles."""
    table = rich.table.Table(title="Allocation")
    table.add_column("class")
    for heading in ("parcels", "pixels", "available", "samples"):
        table.add_column(heading, justify="right")
    rows = [
        [sum(values) for values in zip(*column, strict=True)]
        for column in (
            [c.parcels for c in counts],
            [c.pixels for c in counts],
            [c.available for c in counts],
        )
    ]
    for label, title in enumerate(candidates.LEGEND.titles):
        numbers = [row[label] for row in rows] + [int(allocation[label].sum())]
        table.add_row(title, *(f"{number:,}" for number in numbers))
    table.add_section()
    totals = [sum(row) for row in rows] + [int(allocation.sum())]
    table.add_row("all", *(f"{number:,}" for number in totals))
    return table


# Private -------------------------------------------------------------------------


def _check_broken(
    config: Config, catalogue: Catalogue, broken: dict[str, dict[int, str]]
) -> None:
    """Stops the build if too many products are broken."""
    bad = catalogue.broken() + sum(map(len, broken.values()))
    sound = sum(len(series.observations) for series in catalogue.tiles)
    every = sound + catalogue.broken()
    if bad > config.most_broken * every:
        details = [f"{r.product}: {r.detail}" for r in catalogue.rejected]
        details = [
            d
            for d, r in zip(details, catalogue.rejected, strict=True)
            if r.reason == "broken"
        ] + [text for dates in broken.values() for text in dates.values()]
        raise ValueError(
            f"at most {config.most_broken:.0%} of the products may be broken; {bad} of"
            f" {every} are: {'; '.join(details[:5])}"
        )


def _write_plan(
    config: Config, folder: WorkFolder, catalogue: Catalogue, rule: SampleRule
) -> None:
    """Writes what the build is made from, or finds that it is what it was."""
    rules = rules_of(config, rule)
    digest = hashlib.sha256()
    for series in catalogue.tiles:
        text = json.dumps(dataclasses.asdict(series), default=str, sort_keys=True)
        digest.update(text.encode())
    plan = {
        "tiles": [series.grid.tile for series in catalogue.tiles],
        "season": str(config.season),
        "simulated": catalogue.simulated,
        "rules": rules,
        "products_sha256": digest.hexdigest(),
    }
    path = folder.file("plan.json")
    if work.exists(path):
        if work.read_json(path) == json.loads(json.dumps(plan)):
            return
        if not config.overwrite:
            raise ValueError(
                f"work_dir {folder.path} belongs to a build of other products or other"
                " rules; choose another one, or make it anew with --overwrite"
            )
        filesystem, name = fsspec.core.url_to_fs(folder.path)
        filesystem.rm(name, recursive=True)
    for series in catalogue.tiles:
        work.write_series(folder.series(series.grid.tile), series)
    work.write_json(
        folder.file("rejected.json"),
        [dataclasses.asdict(rejected) for rejected in catalogue.rejected],
    )
    work.write_json(path, plan)


def _count(
    folder: WorkFolder,
    rule: SampleRule,
    tasks: Sequence[TileTask],
    options: PipelineOptions | None,
    size: int,
) -> list[TileCounts]:
    with writing.open_pipeline(options=options, size=size) as pipeline:
        _ = (
            pipeline
            | "Tiles" >> beam.Create(list(tasks), reshuffle=False)
            | "CountCandidates" >> CountCandidates(folder.path, rule)
        )
    return [TileCounts(**work.read_json(folder.counts(t.tile))) for t in tasks]


def _draw_and_extract(
    folder: WorkFolder,
    rule: SampleRule,
    tasks: Sequence[TileTask],
    options: PipelineOptions | None,
    size: int,
) -> list[BlockReceipt]:
    path = folder.file("receipts.json")
    with writing.open_pipeline(options=options, size=size) as pipeline:
        _ = (
            pipeline
            | "Tiles" >> beam.Create(list(tasks), reshuffle=False)
            | "DrawSamples" >> DrawSamples(folder.path, rule)
            | "ExtractBlocks" >> ExtractBlocks()
            | "Collect" >> beam.combiners.ToList()
            | "WriteReceipts" >> beam.Map(extraction.write_receipts, path)
        )
    return extraction.read_receipts(path)


def _size(catalogue: Catalogue) -> int:
    """Returns how many bytes of images there are, decoded."""
    return sum(
        int(PIXEL_BYTES * series.grid.rows * series.grid.cols)
        * len(series.observations)
        for series in catalogue.tiles
    )


def _write_allocation(
    folder: WorkFolder, counts: Sequence[TileCounts], allocation: Counts
) -> None:
    """Writes the allocation as CSV: a row for each class and tile."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["class", "tile", "parcels", "pixels", "available", "samples"])
    for label, name in enumerate(candidates.LEGEND.names):
        for number, c in enumerate(counts):
            table.writerow(
                [
                    name,
                    c.tile,
                    c.parcels[label],
                    c.pixels[label],
                    c.available[label],
                    int(allocation[label, number]),
                ]
            )
    with work.whole_file(folder.file("allocation.csv")) as file:
        file.write(text.getvalue().encode())
