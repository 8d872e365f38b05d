"""Speed and memory of reading Sentinel-1 scenes and cutting patches out of them.

Run ``python -m benchmarks.ice_patches``: about two minutes on two cores. It makes a
scene of full size (10,708 x 10,487 pixels, HH and HV) as a SAFE folder with plain TIFFs
and as the COG edition (DEFLATE), in which the archive now hands products out.
Reading is timed from the page cache, with a block cache of 64 MB in GDAL, so that no
pixel is served from it twice; the peer opens the two TIFFs with rasterio and reads the
same windows. Plain TIFFs are then read at the speed of copying memory.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import rasterio
import shapely
from rasterio.windows import Window

from tfds_eo import records, schemas
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.patches import cut_patches, patch_corners
from tfds_eo.geo.scene_polygons import pixels_inside
from tfds_eo.legends import UIT_SEA_ICE
from tfds_eo.sensors.sentinel1 import Scene, open_scene
from tfds_eo.simulate.sentinel1 import FULL_SIZE, Config, simulate

BANDS = {"cog": 512, "safe": 128}
"""Rows that are read at once: a row of blocks of a COG, fewer of a plain TIFF."""

SIZE, STRIDE = 32, 10
"""Patches that are cut: those of the UiT set."""

REPEATS = 3
"""How often each timing is repeated; the median counts."""

Row = dict[str, str | float]


def main() -> list[Row]:
    """Returns a row for each figure: name, value, unit, peer and ratio to it."""
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        rasterio.Env(GDAL_CACHEMAX=64),
    ):
        for layout in ("cog", "safe"):
            made = simulate(
                Config(
                    folder=pathlib.Path(folder) / layout,
                    rows=FULL_SIZE[0],
                    cols=FULL_SIZE[1],
                    layout=layout,
                    regions=60,
                )
            )[0]
            rows.append(reading(made.product, layout))
        rows.append(peak(made.product))
    rows += cutting()
    return rows


def reading(product: pathlib.Path, layout: str) -> Row:
    """Calibration, noise removal and angle against reading the DN alone."""
    megapixels = 2 * FULL_SIZE[0] * FULL_SIZE[1] / 1e6
    tiffs = sorted(product.glob("measurement/*.tiff"))
    dn = median_time(lambda: read_dn(tiffs, BANDS[layout]))
    all_of_it = median_time(lambda: read_all(open_scene(product), BANDS[layout]))
    kind = "COG, DEFLATE" if layout == "cog" else "plain TIFF"
    return {
        "name": f"sigma-nought and angle of a full scene ({kind})",
        "value": megapixels / all_of_it,
        "unit": "Mpx/s",
        "peer": f"the DN alone, {megapixels / dn:.0f} Mpx/s",
        "ratio": all_of_it / dn,
    }


def peak(product: pathlib.Path) -> Row:
    """Peak memory of a process that reads a full scene by window."""
    call = [sys.executable, "-m", "benchmarks.ice_patches", str(product)]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "name": "peak memory of reading a full scene",
        "value": found["peak"] / 1e6,
        "unit": "MB",
        "peer": f"before the first window, {found['start'] / 1e6:.0f} MB",
        "ratio": found["peak"] / found["start"],
    }


def cutting() -> list[Row]:
    """Finding and cutting patches against a sliding window, and against the writer."""
    image, polygon = block()
    window = PixelWindow(row=0, col=0, rows=image.shape[0], cols=image.shape[1])

    inside = pixels_inside(polygon, window)

    def ours() -> np.ndarray:
        row, col = patch_corners(inside, size=SIZE, stride=STRIDE)
        return cut_patches(image, row, col, size=SIZE)

    def plain() -> np.ndarray:
        return sliding_window(image, inside)

    found, expected = ours(), plain()
    if not np.array_equal(found, expected):
        raise ValueError("both ways must cut the same patches; they differ")
    count = len(found)
    fast, slow = median_time(ours, 9), median_time(plain)
    fields = records.fields_of(schemas.ice_patch(size=SIZE, legend=UIT_SEA_ICE))
    columns = {
        "image": found,
        **{name: np.zeros(count, np.float32) for name in ("longitude", "latitude")},
        **{n: np.arange(count) for n in ("row", "col", "date", "label", "polygon")},
        "denoised": np.ones(count, np.uint8),
        "scene": np.full(count, b"S1A_EW_GRDM_1SDH" + b"_" * 51),
    }
    encoding = median_time(lambda: records.encode(columns, fields), 9)
    return [
        {
            "name": f"cutting {SIZE} x {SIZE} patches at stride {STRIDE}",
            "value": count / fast,
            "unit": "patches/s",
            "peer": f"sliding window in Python, {count / slow:,.0f} patches/s",
            "ratio": slow / fast,
        },
        {
            "name": f"cutting {SIZE} x {SIZE} patches, share of the writer's time",
            "value": count / encoding,
            "unit": "patches/s encoded",
            "peer": "the writer's encoding of the same patches",
            "ratio": fast / encoding,
        },
    ]


def block() -> tuple[np.ndarray, shapely.Polygon]:
    """Returns an image of 640 x 640 pixels and a polygon with a bay in it."""
    image = np.random.default_rng(0).normal(size=(640, 640, 3)).astype(np.float32)
    outline = [(3, 5), (630, 20), (610, 330), (400, 250), (620, 620), (15, 600)]
    return image, shapely.Polygon(outline)


def sliding_window(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Cuts patches the plain way: at each position ask pixel by pixel, then copy."""
    rows, cols = np.nonzero(inside)
    patches = []
    for row in range(rows.min(), rows.max() - SIZE + 2, STRIDE):
        for col in range(cols.min(), cols.max() - SIZE + 2, STRIDE):
            whole = True
            for line in range(row, row + SIZE):
                if not all(inside[line, col : col + SIZE]):
                    whole = False
                    break
            if whole:
                patches.append(image[row : row + SIZE, col : col + SIZE].copy())
    return np.stack(patches)


def read_dn(tiffs: list[pathlib.Path], band: int) -> None:
    with contextlib.ExitStack() as stack:
        rasters = [stack.enter_context(rasterio.open(tiff)) for tiff in tiffs]
        for row in range(0, FULL_SIZE[0], band):
            rows = min(band, FULL_SIZE[0] - row)
            for raster in rasters:
                raster.read(1, window=Window(0, row, FULL_SIZE[1], rows))


def read_all(scene: Scene, band: int) -> None:
    for window in bands(scene, band):
        scene.read(window)


def bands(scene: Scene, band: int) -> list[PixelWindow]:
    return [
        PixelWindow(row=row, col=0, rows=min(band, scene.rows - row), cols=scene.cols)
        for row in range(0, scene.rows, band)
    ]


def median_time(work: Callable[[], object], repeats: int = REPEATS) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def report_peak(product: str) -> str:
    """Reads a scene by window; returns memory before and at its peak, in bytes."""
    start = high_water()
    with rasterio.Env(GDAL_CACHEMAX=64):
        read_all(open_scene(product), BANDS["cog"])
    return json.dumps({"start": start, "peak": high_water()})


def high_water() -> int:
    """Returns the most memory that this process has had, in bytes (Linux)."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status must have a line VmHWM; it has none")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(report_peak(sys.argv[1]) + "\n")
    else:
        for figure in main():
            sys.stdout.write(
                f"{figure['name']}: {figure['value']:,.0f} {figure['unit']},"
                f" {figure['ratio']:.2f} x {figure['peer']}\n"
            )
