"""What a build of crop series holds, in numbers that a report can show."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo.figures import ndvi
from tfds_eo.s2_crop_series import candidates, series_cells, work
from tfds_eo.schemas import CLEAR, CONDITIONS
from tfds_eo.shards import Block

STEP_DAYS = 15
"""Width of a step of the NDVI curves, in days."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """Samples, dates and curves of a build.

    Attributes:
        places: ``label``, ``split``, ``longitude`` and ``latitude`` of every sample.
        conditions: Samples in each condition at each date, by tile and day since
            1970-01-01.
        first_day: Day with which the curves begin.
        ndvi: Mean NDVI of clear observations, ``[classes, steps]``; NaN without any.
        spread: Its standard deviation among observations, likewise.
    """

    places: Mapping[str, npt.NDArray]
    conditions: Mapping[str, Mapping[int, npt.NDArray[np.int64]]]
    first_day: int
    ndvi: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


def summarise(
    folder: str, tiles: Sequence[str], broken: Mapping[str, Mapping[int, str]]
) -> Summary:
    """Goes through a build once, cell by cell.

    Args:
        folder: The work folder.
        tiles: Names of the tiles.
        broken: Days of each tile that are left out.
    """
    names = work.WorkFolder(folder)
    series = {tile: work.read_series(names.series(tile)) for tile in tiles}
    days = [day for one in series.values() for day in one.dates]
    first, steps = min(days), (max(days) - min(days)) // STEP_DAYS + 1
    classes = len(candidates.LEGEND)
    sums = np.zeros((3, classes, steps))
    conditions: dict[str, dict[int, npt.NDArray[np.int64]]] = {}
    tables = []
    for number, tile in enumerate(tiles):
        table = work.read_arrays(names.samples(tile))
        wanted = ("label", "split", "longitude", "latitude")
        tables.append({name: table[name] for name in wanted})
        seen: dict[int, npt.NDArray[np.int64]] = {}
        blocks = series_cells.blocks_of_tile(
            folder, tile, number, series[tile].dates, broken.get(tile, {})
        )
        for block in _all(blocks.values()):
            columns = series_cells.read_cell(block.source)
            _add_curves(sums, columns, first)
            for step, day in enumerate(columns["date"][0].tolist()):
                counts = np.bincount(
                    columns["condition"][:, step], minlength=len(CONDITIONS)
                )
                seen[day] = seen.get(day, 0) + counts
        conditions[tile] = dict(sorted(seen.items()))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[1] / sums[0]
        spread = np.sqrt(np.maximum(sums[2] / sums[0] - mean**2, 0))
    return Summary(
        places={
            name: np.concatenate([table[name] for table in tables])
            for name in ("label", "split", "longitude", "latitude")
        },
        conditions=conditions,
        first_day=first,
        ndvi=mean,
        spread=spread,
    )


# Private -------------------------------------------------------------------------


def _all(lists: Iterable[list[Block]]) -> Iterable[Block]:
    for blocks in lists:
        yield from blocks


def _add_curves(
    sums: npt.NDArray[np.float64], columns: Mapping[str, npt.NDArray], first: int
) -> None:
    """Adds count, sum and sum of squares of clear NDVI by class and step."""
    values = ndvi(columns["reflectance"]).astype(np.float64)
    clear = (columns["condition"] == CLEAR) & np.isfinite(values)
    sample, at = np.nonzero(clear)
    step = (columns["date"][sample, at] - first) // STEP_DAYS
    label = columns["label"][sample]
    for power in range(3):
        np.add.at(sums[power], (label, step), values[sample, at] ** power)
