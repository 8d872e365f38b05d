"""Patches of the scenes with their charts as rasters."""

from __future__ import annotations

import dataclasses
import datetime
import functools

import numpy as np
import numpy.typing as npt

from tfds_eo import legends, schemas, sigrid3
from tfds_eo.geo import polygons
from tfds_eo.metno_sea_ice.charts import ChartFile, read_chart
from tfds_eo.metno_sea_ice.scenes import open_image
from tfds_eo.records import Columns
from tfds_eo.shards import Block

SIZE = 256
"""Width and height of a patch in pixels of 80 m."""

RECORD_BYTES = SIZE * SIZE * (3 * 4 + 4 + 4) + 500
"""Size of a record: image, numbers of polygons, four rasters and names."""


@dataclasses.dataclass(frozen=True)
class PatchSource:
    """Patches of a scene.

    Attributes:
        chart: Where the chart lies.
        scene: Path of the scene.
        corners: Row and column of the upper-left pixel of each patch.
    """

    chart: ChartFile
    scene: str
    corners: tuple[tuple[int, int], ...]

    def part(self, start: int, stop: int) -> PatchSource:
        """Returns the source of the patches from ``start`` to before ``stop``."""
        return dataclasses.replace(self, corners=self.corners[start:stop])


@dataclasses.dataclass(frozen=True)
class Planned:
    """The patches of a scene.

    Attributes:
        blocks: A block for each split.
        left_out: Number of patches of the grid that show neither ice nor water of the
            chart.
        content: What the images hold.
        simulated: Whether the scene is a made one.
    """

    blocks: dict[str, Block]
    left_out: int
    content: str
    simulated: bool


def plan_scene(file: ChartFile, scene: str) -> Planned:
    """Lays a grid of patches over a scene; keeps those with ice or water in them.

    The grid begins at the upper-left corner; a remainder at the right and lower edge is
    left out. A patch belongs to the split of its centre.
    """
    chart, image = read_chart(file), open_image(scene)
    painted, kinds = _painted(file, scene), chart.decoded.polygon_type
    useful = np.append(
        np.isin(
            kinds,
            [legends.SIGRID3_POLYGONS.id_of(name) for name in ("ice", "water")],
        ),
        False,
    )
    corners: dict[str, list[tuple[int, int]]] = {}
    left_out = 0
    for row in range(0, image.rows - SIZE + 1, SIZE):
        width = image.cols // SIZE * SIZE
        strip = painted.numbers(row=row, col=0, rows=SIZE, cols=width)
        for col in range(0, width, SIZE):
            if not useful[np.unique(strip[:, col : col + SIZE])].any():
                left_out += 1
                continue
            place = image.locate(row + SIZE / 2, col + SIZE / 2)
            split = str(chart.halves.splits(*place))
            corners.setdefault(split, []).append((row, col))
    return Planned(
        blocks={
            split: Block(
                PatchSource(file, scene, tuple(found)),
                len(found),
                len(found) * RECORD_BYTES,
            )
            for split, found in corners.items()
        },
        left_out=left_out,
        content=image.content,
        simulated=image.simulated,
    )


def read_patches(source: PatchSource) -> Columns:
    """Reads the patches of a block: the features of `schemas.ice_patch`."""
    chart, image = read_chart(source.chart), open_image(source.scene)
    painted = _painted(source.chart, source.scene)
    targets = sigrid3.ai4arctic(chart.decoded)
    count = len(source.corners)
    numbers = np.empty((count, SIZE, SIZE), np.int32)
    images = np.empty((count, SIZE, SIZE, 3), np.float32)
    places = np.empty((count, 2), np.float32)
    for patch, (row, col) in enumerate(source.corners):
        numbers[patch] = painted.numbers(row=row, col=col, rows=SIZE, cols=SIZE)
        images[patch] = image.read(row, col, SIZE)
        places[patch] = image.locate(row + SIZE / 2, col + SIZE / 2)
    kinds = chart.decoded.polygon_type
    rasters = polygons.look_up(numbers, kinds, targets.sic, targets.sod, targets.floe)
    corners = np.array(source.corners, np.int32)
    start = datetime.datetime.strptime(source.chart.time, "%Y%m%dT%H%M%S")
    day = (start.date() - datetime.date(1970, 1, 1)).days
    return {
        "image": images,
        "content": np.full(count, schemas.CHART_IMAGES.index(image.content)),
        "polygon": numbers,
        **dict(zip(schemas.CHART_RASTERS, rasters, strict=True)),
        "chart": _repeated(source.chart.name, count),
        "scene": _repeated(image.name, count),
        "row": corners[:, 0],
        "col": corners[:, 1],
        "longitude": places[:, 0],
        "latitude": places[:, 1],
        "date": np.full(count, day, np.int32),
        "denoised": np.full(count, image.denoised, np.uint8),
    }


def _repeated(text: str, count: int) -> npt.NDArray[np.bytes_]:
    return np.full(count, text.encode())


@functools.lru_cache(maxsize=2)
def _painted(file: ChartFile, scene: str) -> polygons.PolygonRaster:
    chart = read_chart(file)
    return polygons.PolygonRaster(open_image(scene).place(chart.shapes, chart.crs))
