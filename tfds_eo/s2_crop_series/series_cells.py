"""Cells of extracted blocks to columns of records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfds_eo.records import Columns
from tfds_eo.s2_crop_series import candidates, cells, extraction, steps, work
from tfds_eo.s2_crop_series.extraction import LAYERS
from tfds_eo.schemas import CROP_BANDS
from tfds_eo.sensors import sentinel2
from tfds_eo.shards import Block

RECORD_BYTES = 330
"""Size of a record without its series: names, numbers, texts and frame."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellSource:
    """Samples of one split that share a block of each resolution.

    Attributes:
        tile: Name of the tile.
        tile_number: Number of the tile in the data set.
        count: Number of samples.
        samples: File of the samples of the 10 m block; their place in it is that of
            their values.
        files: File of the values of each pixel size, and the first sample's place.
        keep: Positions of the dates that are used, in the order of time.
        dates: Their days since 1970-01-01.
    """

    tile: str
    tile_number: int
    count: int
    samples: str
    files: Mapping[int, tuple[str, int]]
    keep: tuple[int, ...]
    dates: tuple[int, ...]


def blocks_of_tile(
    folder: str,
    tile: str,
    tile_number: int,
    dates: tuple[int, ...],
    broken: Mapping[int, str],
) -> dict[str, list[Block]]:
    """Returns the blocks of the writer, by split: one for each cell of a tile.

    Args:
        folder: The work folder.
        tile: Name of the tile.
        tile_number: Its number in the data set.
        dates: The days of its observations.
        broken: Days that some block could not read; they are left out of all samples.
    """
    names = work.WorkFolder(folder)
    grid = work.read_series(names.series(tile)).grid
    table = work.read_arrays(names.samples(tile))
    _, found = cells.divide(table, grid, steps.shapes_of(table))
    keep = tuple(n for n, date in enumerate(dates) if date not in broken)
    kept_dates = tuple(dates[n] for n in keep)
    size = len(keep) * (2 * len(CROP_BANDS) + 1 + 4) + RECORD_BYTES
    blocks: dict[str, list[Block]] = {}
    for cell in found:
        source = CellSource(
            tile=tile,
            tile_number=tile_number,
            count=cell.stop - cell.first,
            samples=names.samples_of_block(tile, 10, *cell.blocks[10]),
            files={
                pixel: (names.block(tile, pixel, *cell.blocks[pixel]), start)
                for pixel, start in cell.starts.items()
            },
            keep=keep,
            dates=kept_dates,
        )
        blocks.setdefault(candidates.SPLITS[cell.split], []).append(
            Block(source, source.count, source.count * size)
        )
    return blocks


def read_cell(source: CellSource) -> Columns:
    """Reads the records of a cell."""
    count, (_, first) = source.count, source.files[10]
    table = {
        name: column[first : first + count]
        for name, column in work.read_arrays(source.samples).items()
    }
    layers = {}
    for pixel, (path, start) in source.files.items():
        values = extraction.read_values(path, start, start + count)
        for layer, name in enumerate(LAYERS[pixel]):
            layers[name] = values[list(source.keep), layer].T
    reflectance = np.stack([layers[band] for band in CROP_BANDS], axis=-1)
    scene_class = layers[extraction.SCENE_CLASS]
    dates = np.array(source.dates, np.int32)
    return {
        "reflectance": reflectance,
        "condition": sentinel2.condition(scene_class, reflectance),
        "date": np.broadcast_to(dates, (count, len(dates))),
        "label": table["label"].astype(np.int64),
        "tile": np.full(count, source.tile_number),
        "season": np.zeros(count, np.int64),
        "id": np.array(
            [
                f"{source.tile}/{row}/{col}".encode()
                for row, col in zip(
                    table["row"].tolist(), table["col"].tolist(), strict=True
                )
            ]
        ),
        "longitude": table["longitude"].astype(np.float32),
        "latitude": table["latitude"].astype(np.float32),
        "row": table["row"].astype(np.int64),
        "col": table["col"].astype(np.int64),
        "parcel": table["parcel"],
        "code": table["code"],
    }
