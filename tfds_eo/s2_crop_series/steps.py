"""The steps of a build on one tile, each from files of the work folder to files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfds_eo.s2_crop_series import candidates, cells, extraction, work
from tfds_eo.s2_crop_series.candidates import CropMap, Places, TileCounts
from tfds_eo.s2_crop_series.extraction import BlockTask
from tfds_eo.sensors import sentinel2
from tfds_eo.sensors.sentinel2_catalogue import TileSeries


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleRule:
    """How the samples of a tile are drawn.

    Attributes:
        crop_map: The parcels.
        places: Which split a place belongs to.
        most_per_parcel: Most samples of a parcel; None for any number.
        seed: Seed of the draw.
    """

    crop_map: CropMap
    places: Places
    most_per_parcel: int | None
    seed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class TileTask:
    """A tile whose samples are to be drawn.

    Attributes:
        tile: Name of the tile.
        allotted: Number of samples of each class; empty before the allocation.
    """

    tile: str
    allotted: tuple[int, ...] = ()


def count_tile(folder: str, rule: SampleRule, task: TileTask) -> TileCounts:
    """Pass 1 in a tile; what was counted before is read again."""
    path = work.WorkFolder(folder).counts(task.tile)
    if work.exists(path):
        return TileCounts(**work.read_json(path))
    grid = next(g for g in rule.places.grids if g.tile == task.tile)
    surveyed = candidates.survey(rule.crop_map, rule.places, grid)
    counts = candidates.count(surveyed, rule.crop_map, rule.most_per_parcel)
    work.write_json(path, dataclasses.asdict(counts))
    return counts


def draw_tile(folder: str, rule: SampleRule, task: TileTask) -> list[BlockTask]:
    """Pass 2 in a tile: writes its samples, returns the blocks that hold them."""
    names = work.WorkFolder(folder)
    grid = next(g for g in rule.places.grids if g.tile == task.tile)
    if work.exists(names.samples(task.tile)):
        table = work.read_arrays(names.samples(task.tile))
    else:
        surveyed = candidates.survey(rule.crop_map, rule.places, grid)
        drawn = candidates.draw(
            surveyed,
            rule.crop_map,
            allotted=task.allotted,
            most=rule.most_per_parcel,
            seed=rule.seed,
        )
        shapes = stored_shapes(work.read_series(names.series(task.tile)))
        table = cells.sort_samples(drawn, shapes)
        table["block_shapes"] = np.array([shapes[10], shapes[20]], np.int64)
        work.write_arrays(names.samples(task.tile), table)
    blocks, _ = cells.divide(table, grid, shapes_of(table))
    for block in blocks:
        work.write_arrays(
            names.samples_of_block(task.tile, block.pixel, block.row, block.col),
            {
                name: column[block.samples]
                for name, column in table.items()
                if name != "block_shapes"
            },
        )
    return [
        BlockTask(
            work=folder,
            tile=task.tile,
            pixel=block.pixel,
            row=block.row,
            col=block.col,
            window=block.window,
            samples=len(block.samples),
        )
        for block in blocks
    ]


def extract_block(task: BlockTask) -> extraction.BlockReceipt:
    """Extracts a block, unless it has been extracted before."""
    return extraction.run_task(task)


def stored_shapes(series: TileSeries) -> dict[int, tuple[int, int]]:
    """Returns the shape in which the images of a tile are stored, by pixel size.

    It is that of the first image that can be opened. Images stored otherwise are read
    correctly too, only not in whole blocks of theirs.

    Raises:
        BrokenImage: If no image of the tile can be opened.
    """
    shapes: dict[int, tuple[int, int]] = {}
    for pixel, band in ((10, "B2"), (20, "B5")):
        last: sentinel2.BrokenImage | None = None
        for observation in series.observations:
            path = observation.products[0].image(band).path
            try:
                shapes[pixel] = sentinel2.block_shape(path)
                break
            except sentinel2.BrokenImage as error:
                last = error
        if pixel not in shapes:
            raise sentinel2.BrokenImage(
                f"no image of {band} of tile {series.grid.tile} can be opened; the last"
                f" one: {last}"
            )
    return shapes


def shapes_of(table: dict[str, np.ndarray]) -> dict[int, tuple[int, int]]:
    """Returns the shapes of stored blocks that a table of samples was sorted by."""
    ten, twenty = table["block_shapes"].tolist()
    return {10: tuple(ten), 20: tuple(twenty)}


def check_parcels(tables: Sequence[dict[str, np.ndarray]]) -> None:
    """Makes sure that no parcel is in two splits.

    Raises:
        ValueError: If one is.
    """
    split_of: dict[bytes, int] = {}
    for table in tables:
        pairs = zip(table["parcel"].tolist(), table["split"].tolist(), strict=True)
        for parcel, split in sorted(set(pairs)):
            first = split_of.setdefault(parcel, split)
            if first != split:
                raise ValueError(
                    f"parcel {parcel.decode()!r} must be in one split; it is in"
                    f" {candidates.SPLITS[first]!r} and {candidates.SPLITS[split]!r}:"
                    " if several features share an identifier, name another column"
                )
