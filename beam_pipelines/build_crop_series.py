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
import datetime
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any, Literal

import apache_beam as beam
import fsspec
import numpy as np
import rich.table
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

import tfds_eo  # noqa: F401 - registers the builder.
from beam_pipelines import crop_series_report
from beam_pipelines.transforms.crop_series import (
    CountCandidates,
    DrawSamples,
    ExtractBlocks,
)
from tfds_eo import crosswalks, splits, writing
from tfds_eo.geo import sampling, squares
from tfds_eo.geo.parcels import PRESETS, ParcelFields
from tfds_eo.geo.sampling import AllocationRule, Counts, Weighting
from tfds_eo.s2_crop_series import candidates, extraction, work
from tfds_eo.s2_crop_series.candidates import CropMap, Places, TileCounts, Unmapped
from tfds_eo.s2_crop_series.extraction import BlockReceipt
from tfds_eo.s2_crop_series.steps import SampleRule, TileTask
from tfds_eo.s2_crop_series.work import WorkFolder
from tfds_eo.sensors import sentinel2_catalogue
from tfds_eo.sensors.sentinel2_catalogue import Catalogue

CROSSWALKS = {"invekos": crosswalks.INVEKOS_AT, "eurocrops": crosswalks.HCAT3}
"""The crosswalk of each preset."""

PIXEL_BYTES = 9.5
"""Bytes of all bands in a 10 m pixel at a date: three of 10 m and seven of 20 m."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What the series are made of, how they are sampled, and where they go.

    Examples:
        tfds-eo build-crop-series made/s2/products --parcels made/s2/parcels.gpkg \
            --season 2018 --samples 4000 --data_dir data
        tfds-eo build-crop-series gs://gcp-public-data-sentinel-2/L2/tiles/33/U/VP \
            --parcels invekos.gpkg --season 2018 --data_dir gs://bucket/data -- \
            --runner=FlinkRunner --flink_master=host:8081
    """

    products: str = dataclasses.field(metadata={"positional": True})
    """Sentinel-2 Level-2A products: a folder, a pattern, a STAC item list (JSON), or an
    URL of one of these; several are separated by commas.
    """

    parcels: str
    """Parcel map: GeoPackage, Shapefile, GeoParquet, FlatGeobuf; in any CRS."""

    season: int
    """Year in which the agronomic year ends: from 1 September before to 31 August."""

    samples: int = 1_000_000
    """Number of samples in all."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default the one of TFDS."""

    work_dir: str | None = None
    """Folder for what the steps leave to each other, reached by all workers; by default
    ``s2_crop_series_work`` in the folder of prepared data sets.
    """

    preset: Literal["invekos", "eurocrops"] = "invekos"
    """Whose columns the parcel map has, and whose codes."""

    code_field: str | None = None
    """Column of the crop's code, if it is not the preset's."""

    name_field: str | None = None
    """Column of the crop's name, if it is not the preset's."""

    parcel_field: str | None = None
    """Column of the parcel's identifier, if it is not the preset's."""

    crosswalk: str | None = None
    """CSV file with the columns code, name, class; by default the preset's."""

    unmapped: Unmapped = "other_crops"
    """Where parcels go whose code the crosswalk does not have."""

    erosion: float = 20.0
    """How far parcels are eroded inwards, in metres."""

    least_pixels: int = 1
    """Parcels with fewer pure pixels are dropped."""

    weighting: Weighting = "prior"
    """What the number of a class is proportional to: its candidate pixels, their square
    root, or nothing.
    """

    least: int = 0
    """Least number of samples of a class, as far as it has candidates."""

    most: int | None = None
    """Greatest number of samples of a class."""

    most_per_parcel: int | None = 20
    """Greatest number of samples of a parcel."""

    seed: int = 0
    """Seed of the draw and of the squares."""

    most_cloud: float = 80.0
    """Products with more cloudy pixels are left out, in percent."""

    most_broken: float = 0.1
    """The build stops if a greater share of the products is broken."""

    tiles: tuple[str, ...] = ()
    """Tiles that are used; by default all that have products."""

    validation_tiles: tuple[str, ...] = ()
    """Tiles of the split ``validation``."""

    test_tiles: tuple[str, ...] = ()
    """Tiles of the split ``test``."""

    holdout_tiles: tuple[str, ...] = ()
    """Tiles of the split ``holdout``: where no training data were available."""

    squares: float | None = None
    """Divides the tiles of ``train`` further, into squares of this width in metres."""

    square_shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Share of the squares of ``train``, ``validation`` and ``test``."""

    buffer: float = 250.0
    """Least distance between samples of two squares, or of tiles of two splits, in
    metres.
    """

    first_day: str | None = None
    """First day, YYYY-MM-DD, if it is not 1 September."""

    last_day: str | None = None
    """Last day, if it is not 31 August."""

    num_shards: int | None = None
    """Number of shards of every split; by default each has 64 to 128 MiB."""

    overwrite: bool = False
    """Whether work and data set are made anew; otherwise what is there is kept."""

    def __post_init__(self) -> None:
        if not 2015 <= self.season <= 2100:
            raise ValueError(f"season must be a year from 2015; got {self.season}")
        if self.erosion < 0 or self.least_pixels < 1:
            raise ValueError(
                "erosion must be at least 0 and least_pixels at least 1; got"
                f" {self.erosion} and {self.least_pixels}"
            )
        if self.most_per_parcel is not None and self.most_per_parcel < 1:
            raise ValueError(
                f"most_per_parcel must be at least 1; got {self.most_per_parcel}"
            )
        if not 0 <= self.most_broken <= 1 or not 0 <= self.most_cloud <= 100:
            raise ValueError(
                "most_broken must be from 0 to 1 and most_cloud from 0 to 100; got"
                f" {self.most_broken} and {self.most_cloud}"
            )
        if self.buffer < 0:
            raise ValueError(f"buffer must be at least 0; got {self.buffer}")
        self.allocation_rule()
        self.days()

    def allocation_rule(self) -> AllocationRule:
        """Returns how many samples each class gets."""
        return AllocationRule(
            samples=self.samples,
            weighting=self.weighting,
            least=self.least,
            most=self.most,
        )

    def days(self) -> tuple[datetime.date, datetime.date]:
        """Returns the first and the last day of the season."""
        first = datetime.date(self.season - 1, 9, 1)
        last = datetime.date(self.season, 8, 31)
        if self.first_day is not None:
            first = datetime.date.fromisoformat(self.first_day)
        if self.last_day is not None:
            last = datetime.date.fromisoformat(self.last_day)
        if first > last:
            raise ValueError(
                f"the first day must not be after the last; {first}, {last}"
            )
        return first, last

    def fields(self) -> ParcelFields:
        """Returns the columns of the parcel map."""
        preset = PRESETS[self.preset]
        return ParcelFields(
            code=self.code_field or preset.code,
            # A map of one's own columns need not have those of the preset.
            name=self.name_field or (None if self.code_field else preset.name),
            parcel=self.parcel_field or (None if self.code_field else preset.parcel),
        )


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
    rule = _sample_rule(config, catalogue)
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


def _sample_rule(config: Config, catalogue: Catalogue) -> SampleRule:
    grids = tuple(series.grid for series in catalogue.tiles)
    held_out = {
        "validation": config.validation_tiles,
        "test": config.test_tiles,
        "holdout": config.holdout_tiles,
    }
    names = splits.split_by_place([grid.tile for grid in grids], held_out)
    division = None
    if config.squares is not None:
        longitude, latitude = squares.middle_of(grids)
        division = squares.Squares(
            longitude=longitude,
            latitude=latitude,
            size=config.squares,
            buffer=config.buffer,
            shares=config.square_shares,
            seed=config.seed,
        )
    return SampleRule(
        crop_map=CropMap(
            path=config.parcels,
            fields=config.fields(),
            crosswalk=config.crosswalk or CROSSWALKS[config.preset],
            unmapped=config.unmapped,
            erosion=config.erosion,
            least_pixels=config.least_pixels,
        ),
        places=Places(
            grids=grids,
            split_of_tile={
                tile: candidates.SPLITS.index(split) for tile, split in names.items()
            },
            buffer=config.buffer,
            squares=division,
        ),
        most_per_parcel=config.most_per_parcel,
        seed=config.seed,
    )


def _write_plan(
    config: Config, folder: WorkFolder, catalogue: Catalogue, rule: SampleRule
) -> None:
    """Writes what the build is made from, or finds that it is what it was."""
    with fsspec.open(rule.crop_map.crosswalk, "rb") as file:
        crosswalk = hashlib.sha256(file.read()).hexdigest()
    rules: dict[str, Any] = {
        "parcels": config.parcels.rpartition("/")[2],
        "fields": dataclasses.asdict(rule.crop_map.fields),
        "crosswalk": rule.crop_map.crosswalk.rpartition("/")[2],
        "crosswalk_sha256": crosswalk,
        "unmapped": config.unmapped,
        "erosion": config.erosion,
        "least_pixels": config.least_pixels,
        "allocation": dataclasses.asdict(config.allocation_rule()),
        "most_per_parcel": config.most_per_parcel,
        "seed": config.seed,
        "most_cloud": config.most_cloud,
        "days": [str(day) for day in config.days()],
        "splits": {
            tile: candidates.SPLITS[split]
            for tile, split in rule.places.split_of_tile.items()
        },
        "squares": dataclasses.asdict(rule.places.squares)
        if rule.places.squares
        else None,
        "buffer": config.buffer,
    }
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
