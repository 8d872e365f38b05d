"""Records of patches of 256 x 256 pixels, a row of patches at a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tfds_eo.archives import rasters
from tfds_eo.archives.rasters import RasterRef
from tfds_eo.belgica_bank.label_rasters import LabelRaster
from tfds_eo.belgica_bank.stated import TILE, WORD, WORDS
from tfds_eo.records import Columns


@dataclasses.dataclass(frozen=True)
class TileRow:
    """Patches that lie beside each other in a scene, or patches in files of their own.

    Attributes:
        scene: Name of the scene.
        row: Row of the patches, counted in patches; -1 if it is not known.
        cols: Column of each patch, counted in patches; -1 if it is not known.
        images: Raster of both channels, or one for each; nothing without imagery.
        labels: Class of each patch; nothing for topics.
        topics: Raster of topics; None for classes.
        files: File of each patch, if they lie in files of their own.
    """

    scene: str
    row: int
    cols: tuple[int, ...]
    images: tuple[RasterRef, ...] = ()
    labels: tuple[int, ...] = ()
    topics: LabelRaster | None = None
    files: tuple[RasterRef, ...] = ()


def read_tiles(source: TileRow) -> Columns:
    """Reads a row of patches: the features of `schemas.label_grid`."""
    count = len(source.cols)
    cols = np.array(source.cols, np.int32)
    columns: dict[str, npt.NDArray] = {
        "scene": np.full(count, source.scene.encode()),
        "row": np.full(count, source.row * TILE if source.row >= 0 else -1, np.int32),
        "col": np.where(cols >= 0, cols * TILE, -1).astype(np.int32),
    }
    if source.labels:
        columns["label"] = np.array(source.labels, np.int64)
    if source.topics is not None:
        found = source.topics.read(source.row, 1, WORD)
        columns["topics"] = _cut(found[..., None], WORDS)[cols, ..., 0]
    if source.files:
        columns["image"] = np.stack([_patch(ref) for ref in source.files])
    elif source.images:
        columns["image"] = _strip(source)[cols]
    return columns


def _strip(source: TileRow) -> npt.NDArray:
    """Reads the image of a whole row of patches once, ``[patches, 256, 256, 2]``."""
    width = source.images[0].cols // TILE * TILE
    bands = [
        rasters.read_window(ref, source.row * TILE, 0, TILE, width)
        for ref in source.images
    ]
    return _cut(np.concatenate(bands, axis=2), TILE)


def _patch(ref: RasterRef) -> npt.NDArray:
    if (ref.rows, ref.cols, ref.bands) != (TILE, TILE, 2):
        raise ValueError(
            f"patches must have {TILE} x {TILE} pixels of 2 bands, HH and HV; got {ref}"
        )
    return rasters.read_window(ref, 0, 0, TILE, TILE)


def _cut(strip: npt.NDArray, size: int) -> npt.NDArray:
    """Cuts a strip into squares, ``[squares, size, size, bands]``."""
    rows, cols, bands = strip.shape
    squares = strip.reshape(rows, cols // size, size, bands)
    return np.ascontiguousarray(squares.swapaxes(0, 1))
