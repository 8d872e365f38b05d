"""Patches as blocks of records: neighbours are read and calibrated together."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo import schemas, sigrid3
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.patches import cut_patches
from tfds_eo.records import Columns
from tfds_eo.s1_ice_patches.labelling import Labelling, read_labels
from tfds_eo.s1_ice_patches.planning import Placed, ScenePlan, polygon_raster
from tfds_eo.s1_ice_patches.views import View, open_view, place_polygons
from tfds_eo.shards import Block

BLOCK_BYTES = 24 << 20
"""Size of the records of a block, aimed at."""

_LARGEST_TILE = 1024  # Pixels; a window of it takes 14 MB while it is calibrated.
_COG_BLOCK = 512  # Pixels; tiles that lie on blocks of a COG decode few of them twice.
_WORTH_ALIGNING = 400
_RECORD_BYTES = 250  # A record without its arrays.
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PatchSource:
    """Patches of one size that lie near each other in a scene.

    Attributes:
        view: The scene and how it is read.
        size: Width and height.
        placed: Where they lie.
        polygons: Path of the chart, for rasters; else none.
        labelling: How the chart is read, for rasters; else none.
    """

    view: View
    size: int
    placed: Placed
    polygons: str | None
    labelling: Labelling | None


def make_blocks(
    plans: Sequence[ScenePlan],
    size: int,
    stride: int,
    split_of: Mapping[str, npt.NDArray[np.str_]],
) -> dict[str, list[Block]]:
    """Groups the patches of scenes into blocks, each of one split.

    Args:
        plans: The scenes.
        size: Which patches.
        stride: Their stride, which tells how many lie in a tile.
        split_of: The split of each patch, by path of the scene.

    Returns:
        The blocks of each split, by scene, then by place.
    """
    blocks: dict[str, list[Block]] = {}
    for plan in plans:
        rasters = plan.request.labelling.kind == "chart_rasters"
        record = _record_bytes(size, rasters)
        tile = int(stride * max((BLOCK_BYTES / record) ** 0.5, 1))
        if tile >= _WORTH_ALIGNING:
            tile = min(max(tile // _COG_BLOCK, 1) * _COG_BLOCK, _LARGEST_TILE)
        placed, splits = plan.patches[size], split_of[plan.request.view.path]
        key = np.stack([placed.row // tile, placed.col // tile], axis=1)
        for split in np.unique(splits):
            of_split = np.flatnonzero(splits == split)
            tiles, of_tile = np.unique(key[of_split], axis=0, return_inverse=True)
            order = np.argsort(of_tile.reshape(-1), kind="stable")
            ends = np.cumsum(np.bincount(of_tile.reshape(-1), minlength=len(tiles)))
            for numbers in np.split(of_split[order], ends[:-1]):
                source = PatchSource(
                    view=plan.request.view,
                    size=size,
                    placed=placed.where(numbers),
                    polygons=plan.request.polygons if rasters else None,
                    labelling=plan.request.labelling if rasters else None,
                )
                block = Block(source, len(numbers), len(numbers) * record)
                blocks.setdefault(str(split), []).append(block)
    return blocks


def read_patches(source: PatchSource) -> Columns:
    """Reads the patches of a block; the columns are those of `schemas.ice_patch`."""
    scene = open_view(source.view)
    placed, size = source.placed, source.size
    window = PixelWindow(
        row=int(placed.row.min()),
        col=int(placed.col.min()),
        rows=int(placed.row.max() - placed.row.min()) + size,
        cols=int(placed.col.max() - placed.col.min()) + size,
    )
    image = scene.read(window, boxcar=source.view.boxcar).image
    row, col = placed.row - window.row, placed.col - window.col
    middle = (size - 1) / 2
    longitude, latitude = scene.locate(placed.row + middle, placed.col + middle)
    count = len(placed)
    columns: dict[str, npt.NDArray] = {
        "image": cut_patches(image, row, col, size=size),
        "scene": np.full(count, scene.name.encode()),
        "row": placed.row.astype(np.int32),
        "col": placed.col.astype(np.int32),
        "longitude": longitude.astype(np.float32),
        "latitude": latitude.astype(np.float32),
        "date": np.full(count, (scene.start - _EPOCH).days, np.int32),
        "denoised": np.full(count, scene.denoised, np.uint8),
    }
    if source.polygons is None or source.labelling is None:
        return columns | {"label": placed.label, "polygon": placed.polygon}
    file, shapes = place_polygons(source.view, source.polygons)
    labels = read_labels(file, source.labelling)
    polygon = polygon_raster(shapes, window)
    columns["polygon"] = cut_patches(polygon, row, col, size=size)
    for name in schemas.CHART_RASTERS:
        values = np.append(labels.rasters[name], sigrid3.UNKNOWN).astype(np.uint8)
        columns[name] = cut_patches(values[polygon], row, col, size=size)
    return columns


def _record_bytes(size: int, rasters: bool) -> int:
    channels = 4 * len(schemas.ICE_CHANNELS)
    if rasters:
        channels += len(schemas.CHART_RASTERS) + 4
    return size * size * channels + _RECORD_BYTES
