"""The values of the samples of a stored block, at all dates of its tile.

Each block of each band and date is opened and decoded once; held are one block of one
band, and the values of the samples at one date, however many dates there are. The file
has the layout ``[dates, bands, samples]``, so that it grows by date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import fsspec
import numpy as np
import numpy.lib.format
import numpy.typing as npt
import rasterio

from tfds_eo.geo.tile_grid import PIXEL, TileGrid
from tfds_eo.s2_crop_series import work
from tfds_eo.sensors import sentinel2
from tfds_eo.sensors.sentinel2 import BANDS_10M, BANDS_20M, BrokenImage, Product
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries

SCENE_CLASS = "SCL"
"""The scene classification, which is extracted like a band."""

LAYERS = {10: BANDS_10M, 20: (*BANDS_20M, SCENE_CLASS)}
"""What is extracted from the blocks of each pixel size, in the order of the file."""

GDAL_SETTINGS = {
    "GDAL_CACHEMAX": 16,  # MB: nothing is read twice, so nothing is kept.
    "GDAL_NUM_THREADS": 1,  # There is a worker for each core already.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # No search for side files.
    "GDAL_HTTP_MAX_RETRY": 5,
    "GDAL_HTTP_RETRY_DELAY": 1,
}
"""How rasterio reads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockTask:
    """A stored block that is to be extracted.

    Attributes:
        work: The work folder.
        tile: Name of the tile.
        pixel: Size of its pixels in metres.
        row: Number of the block from the north.
        col: Number from the west.
        window: First row and column, rows and columns, in its pixels.
        samples: Number of its samples.
    """

    work: str
    tile: str
    pixel: int
    row: int
    col: int
    window: tuple[int, int, int, int]
    samples: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockReceipt:
    """What was extracted from a stored block.

    Attributes:
        tile: Name of the tile.
        pixel: Size of its pixels in metres.
        row: Number of the block from the north.
        col: Number from the west.
        samples: Number of its samples.
        decoded: Number of blocks of images that were decoded.
        broken: What is wrong with the images of a date, by day since 1970-01-01.
    """

    tile: str
    pixel: int
    row: int
    col: int
    samples: int
    decoded: int
    broken: dict[int, str]


def extract(
    series: TileSeries,
    pixel: int,
    window: tuple[int, int, int, int],
    row: npt.NDArray[np.integer],
    col: npt.NDArray[np.integer],
    path: str,
) -> tuple[int, dict[int, str]]:
    """Writes the values of samples at all dates.

    A date whose images cannot be read is written as no data.

    Args:
        series: The observations of the tile.
        pixel: Size of the pixels in metres, 10 or 20.
        window: The block: first row and column, rows and columns, in these pixels.
        row: Row of each sample on the 10 m grid.
        col: Its column.
        path: Where to write ``[dates, bands, samples]``, uint16: reflectance x 10000,
            and the scene classification as it is.

    Returns:
        How many blocks were decoded, and what is wrong with which date.
    """
    scale = pixel // PIXEL
    inside = (
        np.asarray(row, np.int64) // scale - window[0],
        np.asarray(col, np.int64) // scale - window[1],
    )
    layers = LAYERS[pixel]
    shape = (len(series.observations), len(layers), len(inside[0]))
    decoded, broken = 0, {}
    with work.whole_file(path) as file, rasterio.Env(**GDAL_SETTINGS):
        numpy.lib.format.write_array_header_1_0(
            file, {"descr": "<u2", "fortran_order": False, "shape": shape}
        )
        for observation in series.observations:
            values = np.zeros(shape[1:], "<u2")
            try:
                for layer, name in enumerate(layers):
                    decoded += _fill(
                        values[layer], name, observation, series.grid, window, inside
                    )
            except BrokenImage as error:
                broken[observation.date] = str(error)
                values[:] = sentinel2.NO_DATA
            file.write(values.tobytes())
    return decoded, broken


def run_task(task: BlockTask) -> BlockReceipt:
    """Extracts a block, unless it has been extracted before."""
    folder = work.WorkFolder(task.work)
    block = (task.tile, task.pixel, task.row, task.col)
    receipt = folder.receipt(*block)
    if work.exists(receipt):
        return _receipt(work.read_json(receipt))
    places = work.read_arrays(folder.samples_of_block(*block))
    series = work.read_series(folder.series(task.tile))
    decoded, broken = extract(
        series,
        task.pixel,
        task.window,
        places["row"],
        places["col"],
        folder.block(*block),
    )
    done = BlockReceipt(
        tile=task.tile,
        pixel=task.pixel,
        row=task.row,
        col=task.col,
        samples=task.samples,
        decoded=decoded,
        broken=broken,
    )
    work.write_json(receipt, dataclasses.asdict(done))
    return done


def write_receipts(receipts: Sequence[BlockReceipt], path: str) -> None:
    """Writes receipts, in the order of tiles and blocks."""
    ordered = sorted(receipts, key=lambda r: (r.tile, r.pixel, r.row, r.col))
    work.write_json(path, [dataclasses.asdict(receipt) for receipt in ordered])


def read_receipts(path: str) -> list[BlockReceipt]:
    """Reads what `write_receipts` wrote."""
    return [_receipt(content) for content in work.read_json(path)]


def read_values(path: str, first: int, stop: int) -> npt.NDArray[np.uint16]:
    """Reads values of samples of a block, ``[dates, bands, samples]``."""
    if "://" not in path:
        return np.load(path, mmap_mode="r")[:, :, first:stop]
    with fsspec.open(path, "rb") as file:
        return np.lib.format.read_array(file)[:, :, first:stop]


def broken_dates(receipts: Sequence[BlockReceipt]) -> dict[str, dict[int, str]]:
    """Returns the dates of each tile that any of its blocks could not read.

    Returns:
        By tile, by day: what was wrong first, in the order of blocks.
    """
    found: dict[str, dict[int, str]] = {}
    for receipt in sorted(receipts, key=lambda r: (r.tile, r.pixel, r.row, r.col)):
        for date, text in receipt.broken.items():
            found.setdefault(receipt.tile, {}).setdefault(date, text)
    return {tile: dict(sorted(dates.items())) for tile, dates in found.items()}


# Private -------------------------------------------------------------------------


def _receipt(content: dict[str, Any]) -> BlockReceipt:
    broken = {int(date): text for date, text in content["broken"].items()}
    return BlockReceipt(**content | {"broken": broken})


def _fill(
    values: npt.NDArray[np.uint16],
    name: str,
    observation: Observation,
    grid: TileGrid,
    window: tuple[int, int, int, int],
    inside: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> int:
    """Fills in a band of a date from the first product that has data; see the rule."""
    decoded = 0
    for product in observation.products:
        empty = values == sentinel2.NO_DATA
        if not empty.any():
            break
        values[empty] = _read(product, name, grid, window, inside)[empty]
        decoded += 1
    return decoded


def _read(
    product: Product,
    name: str,
    grid: TileGrid,
    window: tuple[int, int, int, int],
    inside: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> npt.NDArray[np.uint16]:
    """Returns the values of pixels of a block."""
    if name == SCENE_CLASS:
        path = product.scene_classification
        return sentinel2.read_window(path, grid, 20, window)[inside].astype(np.uint16)
    image = product.image(name)
    pixel = 10 if name in BANDS_10M else 20
    numbers = sentinel2.read_window(image.path, grid, pixel, window)[inside]
    return sentinel2.reflectance(numbers, image)
