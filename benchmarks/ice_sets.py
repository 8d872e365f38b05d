"""How fast the ice sets are prepared and charts are painted.

Run as ``python -m benchmarks ice_sets``. Peers: a TFDS builder that yields one patch
after the other; and rasterio.features.rasterize of the whole chart at once, which is
the limit for painting, as it gives one raster of the five.
"""

from __future__ import annotations

import logging
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import rasterio.features
import shapely
import tensorflow_datasets as tfds

from benchmarks.rows import Row
from tfds_eo import legends, schemas
from tfds_eo.archives.manifest import to_toml
from tfds_eo.geo.polygons import PolygonRaster, look_up
from tfds_eo.simulate import uit_sea_ice as simulate
from tfds_eo.uit_sea_ice.uit_sea_ice_dataset_builder import Builder

PATCHES = 12_000
"""Number of patches that are written; the true set of 32 x 32 has 14,747."""

SIDE = 5120
"""Width and height of the chart in pixels of 80 m, that of a whole scene."""

POLYGONS = 300
"""Number of polygons of the chart."""


def main(folder: pathlib.Path) -> list[Row]:
    """Returns a row for each claim."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    return [prepare_patches(folder), paint_chart()]


def prepare_patches(root: pathlib.Path) -> Row:
    """Patches of 32 x 32 a second, from .npy files to a data set that loads."""
    made = simulate.make_patches(32, regions=60)
    rows = np.resize(np.arange(len(made.label)), PATCHES)
    (root / "in").mkdir()
    np.save(root / "in" / "images.npy", made.image[rows])
    np.save(root / "in" / "labels.npy", made.label[rows])
    np.save(root / "in" / "region.npy", made.region[rows])
    codes = {str(n): c for n, c in enumerate(legends.UIT_SEA_ICE.names)}
    text = to_toml({"uit_sea_ice": {"classes": codes}})
    (root / "in" / "manifest.toml").write_text(text)
    config = tfds.download.DownloadConfig(
        manual_dir=root / "in", try_download_gcs=False
    )
    ours = Builder(data_dir=root / "ours", config="32x32")
    seconds = _seconds(lambda: ours.download_and_prepare(download_config=config))
    plain = PlainPatches(data_dir=root / "plain")
    plain_seconds = _seconds(lambda: plain.download_and_prepare(download_config=config))
    count = sum(split.num_examples for split in plain.info.splits.values())
    if count != sum(split.num_examples for split in ours.info.splits.values()):
        raise ValueError("both builders must write the same patches")
    return Row(
        name="uit_sea_ice/32x32 prepared",
        value=PATCHES / seconds,
        unit="patches/s",
        peer="generator and TFDS writer",
        peer_value=PATCHES / plain_seconds,
    )


class PlainPatches(tfds.core.GeneratorBasedBuilder):
    """The plain way: yield a patch, let TFDS encode and write it."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The files of the benchmark."

    def _info(self) -> tfds.core.DatasetInfo:
        features = dict(
            schemas.labelled_ice_patch(legends.UIT_SEA_ICE, size=32).items()
        )
        features["image"] = tfds.features.Tensor(shape=(32, 32, 3), dtype=np.float32)
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        return {"train": self._generate_examples(dl_manager.manual_dir)}

    def _generate_examples(
        self, folder: pathlib.Path
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        image, label, region = (
            np.load(folder / f"{name}.npy") for name in ("images", "labels", "region")
        )
        for index in range(len(image)):
            yield (
                index,
                {
                    "image": image[index],
                    "label": int(label[index]),
                    "region": int(region[index]),
                    "scene": "",
                    "index": index,
                },
            )


def paint_chart() -> Row:
    """Pixels a second for five rasters of a chart, in tiles of 256 x 256."""
    random = np.random.default_rng(0)
    points = shapely.MultiPoint(random.random((POLYGONS, 2)) * SIDE)
    cells = shapely.voronoi_polygons(points, extend_to=shapely.box(0, 0, SIDE, SIDE))
    shapes = np.array([shapely.segmentize(cell, 10.0) for cell in cells.geoms])
    values = random.integers(0, 11, (4, POLYGONS)).astype(np.uint8)
    painted = PolygonRaster(shapes)

    def ours() -> None:
        for row in range(0, SIDE, 256):
            for col in range(0, SIDE, 256):
                numbers = painted.numbers(row=row, col=col, rows=256, cols=256)
                look_up(numbers, *values)

    def limit() -> None:
        rasterio.features.rasterize(
            [(shape, number) for number, shape in enumerate(shapes)],
            out_shape=(SIDE, SIDE),
            fill=-1,
            dtype="int32",
        )

    seconds, limit_seconds = _best(ours), _best(limit)
    pixels = SIDE * SIDE / 1e6
    return Row(
        name="chart painted as five rasters",
        value=pixels / seconds,
        unit="Mpx/s",
        peer="rasterio.features.rasterize, one raster",
        peer_value=pixels / limit_seconds,
    )


def _best(work: Callable[[], object], times: int = 3) -> float:
    return min(_seconds(work) for _ in range(times))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
