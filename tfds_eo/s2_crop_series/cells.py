"""Which samples lie in which stored blocks of the images.

The 10 m and the 20 m bands of a product are stored in blocks of their own, 1024 x 1024
and 640 x 640 pixels, that do not nest. A cell is the part of a tile that lies in one
block of each; every sample is in one cell. The table of samples is in the order of
cells, and so are the values of a block, so that a cell is a slice of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tfds_eo.geo.tile_grid import PIXEL, TileGrid

Shape = tuple[int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredBlock:
    """A stored block of the images of a tile that holds samples.

    Attributes:
        pixel: Size of its pixels in metres, 10 or 20.
        row: Number of the block from the north.
        col: Number from the west.
        window: First row and column, rows and columns, in its pixels.
        samples: Positions of its samples in the table, in the order of its values.
    """

    pixel: int
    row: int
    col: int
    window: tuple[int, int, int, int]
    samples: npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """The samples of one split that share a block of each resolution.

    Attributes:
        split: Number of the split.
        first: Position of its first sample in the table.
        stop: Position behind its last.
        blocks: Row and column of the block of each pixel size.
        starts: Position of its first sample in the values of each block.
    """

    split: int
    first: int
    stop: int
    blocks: Mapping[int, tuple[int, int]]
    starts: Mapping[int, int]


def sort_samples(
    table: Mapping[str, npt.NDArray], shapes: Mapping[int, Shape]
) -> dict[str, npt.NDArray]:
    """Returns a table of samples in the order of cells, then by row and column.

    Args:
        table: Columns, among them ``row``, ``col`` and ``split``.
        shapes: Rows and columns of the stored blocks of each pixel size.
    """
    ten, twenty = _block_numbers(table, shapes)
    order = np.lexsort((table["col"], table["row"], twenty, ten, table["split"]))
    return {name: column[order] for name, column in table.items()}


def divide(
    table: Mapping[str, npt.NDArray], grid: TileGrid, shapes: Mapping[int, Shape]
) -> tuple[list[StoredBlock], list[Cell]]:
    """Returns the blocks and the cells of a sorted table of samples.

    Args:
        table: What `sort_samples` returned.
        grid: The tile.
        shapes: Rows and columns of the stored blocks of each pixel size.
    """
    numbers = dict(zip((10, 20), _block_numbers(table, shapes), strict=True))
    split = table["split"].astype(np.int64)
    count = len(split)
    blocks, place = [], {}
    for pixel, other in ((10, 20), (20, 10)):
        # Within a block: by the other block, then by split, as the cells are.
        order = np.lexsort((np.arange(count), split, numbers[other], numbers[pixel]))
        place[pixel] = np.empty(count, np.int64)
        block_of = numbers[pixel][order]
        for first, stop in _runs(block_of):
            place[pixel][order[first:stop]] = np.arange(stop - first)
            blocks.append(
                _stored(int(block_of[first]), pixel, grid, shapes, order[first:stop])
            )
    keys = np.stack([split, numbers[10], numbers[20]], axis=1)
    changes = (keys[1:] != keys[:-1]).any(axis=1)
    cells = []
    for first, stop in _runs(np.cumsum(np.r_[False, changes][:count])):
        cells.append(
            Cell(
                split=int(split[first]),
                first=first,
                stop=stop,
                blocks={p: _row_col(int(numbers[p][first])) for p in (10, 20)},
                starts={p: int(place[p][first]) for p in (10, 20)},
            )
        )
    return blocks, cells


# Private -------------------------------------------------------------------------

_WIDE = 1 << 20
"""More blocks than a row of a tile has."""


def _block_numbers(
    table: Mapping[str, npt.NDArray], shapes: Mapping[int, Shape]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    row, col = table["row"].astype(np.int64), table["col"].astype(np.int64)
    found = []
    for pixel in (10, 20):
        scale, (rows, cols) = pixel // PIXEL, shapes[pixel]
        found.append(row // scale // rows * _WIDE + col // scale // cols)
    return found[0], found[1]


def _row_col(number: int) -> tuple[int, int]:
    return divmod(number, _WIDE)


def _stored(
    number: int,
    pixel: int,
    grid: TileGrid,
    shapes: Mapping[int, Shape],
    samples: npt.NDArray[np.int64],
) -> StoredBlock:
    row, col = _row_col(number)
    scale, (rows, cols) = pixel // PIXEL, shapes[pixel]
    return StoredBlock(
        pixel=pixel,
        row=row,
        col=col,
        window=(
            row * rows,
            col * cols,
            min(rows, grid.rows // scale - row * rows),
            min(cols, grid.cols // scale - col * cols),
        ),
        samples=samples,
    )


def _runs(values: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Returns first and stop of each run of equal values."""
    if not len(values):
        return []
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(values)], strict=True))
