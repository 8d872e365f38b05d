"""Extraction of crop series against bare decoding, against sampling, and what it costs.

    python -m benchmarks crop_series

Made products of 2046 x 2046 pixels, stored in blocks like real ones (1024 at 10 m, 640
at 20 m, lossless JPEG 2000) and as Cloud-Optimised GeoTIFF; as many samples a block as
a million on 16 tiles give. Everything runs in one thread, one thing after the other;
images come from the page cache. Compression of made images is not that of real ones.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import pathlib
import time
from collections.abc import Callable, Mapping

import numpy as np
import rasterio
import rasterio.shutil

from benchmarks.rows import Row
from tfds_eo.s2_crop_series import extraction
from tfds_eo.s2_crop_series.extraction import LAYERS, SCENE_CLASS
from tfds_eo.sensors import sentinel2, sentinel2_safe
from tfds_eo.sensors.sentinel2 import Product
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries
from tfds_eo.simulate import sentinel2 as simulate

SIZE = 2046
SAMPLES_A_BLOCK = 516  # A million samples / 16 tiles / 121 blocks of 10 m.
SAMPLED_ONE_BY_ONE = 6
REPEATS = 3
FULL_MEGAPIXELS = {10: 3 * 10980**2 / 1e6, 20: 7 * 5490**2 / 1e6}
DATES_A_YEAR = 70


def main(folder: pathlib.Path) -> list[Row]:
    """Returns what was measured with products made in a folder."""
    config = simulate.Config(
        folder=str(folder), size=SIZE, dates=1, cloudiness=0.3, tiles=("33TUN",)
    )
    grid = simulate.grid_of("33TUN", SIZE)
    fields = simulate.make_fields(config, [grid])
    [path] = simulate.make_products(config, grid, fields, folder / "products")
    product = sentinel2_safe.read_product(str(path))
    cog = _as_cogs(product, folder)
    rows = []
    rates = {}
    for form, images in (("JPEG 2000", product), ("GeoTIFF", cog)):
        row, rates[form] = _against_decoding(images, form, folder)
        rows.append(row)
    rows += _against_sampling(product, folder)
    rows += _peak_memory(product, folder)
    return rows + _costs(rates, {"JPEG 2000": product, "GeoTIFF": cog})


def _series(product: Product, dates: int) -> TileSeries:
    observation = [Observation(date=n, products=(product,)) for n in range(dates)]
    return TileSeries(grid=product.grid, observations=tuple(observation))


def _image(product: Product, name: str) -> str:
    if name == SCENE_CLASS:
        return product.scene_classification
    return product.image(name).path


def _blocks(
    product: Product,
) -> list[tuple[int, tuple[int, int, int, int], np.ndarray, np.ndarray]]:
    """Pixel size and window of each stored block, and rows and columns of samples."""
    rng = np.random.default_rng(0)
    blocks = []
    for pixel, band in ((10, "B2"), (20, "B5")):
        rows, cols = sentinel2.block_shape(product.image(band).path)
        scale = pixel // 10
        height, width = product.grid.rows // scale, product.grid.cols // scale
        for row in range(0, height, rows):
            for col in range(0, width, cols):
                window = (row, col, min(rows, height - row), min(cols, width - col))
                share = window[2] * window[3] * scale**2 / 1024**2
                count = max(1, round(SAMPLES_A_BLOCK * share))
                blocks.append(
                    (
                        pixel,
                        window,
                        scale * (row + rng.integers(0, window[2], count)),
                        scale * (col + rng.integers(0, window[3], count)),
                    )
                )
    return blocks


def _seconds(*work: Callable[[], object]) -> list[float]:
    """Least seconds of each of several pieces of work, taking turns."""
    best = [float("inf")] * len(work)
    for _ in range(REPEATS):
        for number, piece in enumerate(work):
            start = time.perf_counter()
            piece()
            best[number] = min(best[number], time.perf_counter() - start)
    return best


def _megapixels(product: Product) -> float:
    return (
        sum(
            len(LAYERS[pixel]) * window[2] * window[3]
            for pixel, window, _, _ in _blocks(product)
        )
        / 1e6
    )


def _extract_all(product: Product, folder: pathlib.Path, dates: int = 1) -> None:
    series = _series(product, dates)
    for number, (pixel, window, row, col) in enumerate(_blocks(product)):
        path = str(folder / f"values_{number}.npy")
        extraction.extract(series, pixel, window, row, col, path)


def _decode_all(product: Product) -> None:
    """Opens each image and reads each block, once: what any extraction must do."""
    with rasterio.Env(**extraction.GDAL_SETTINGS):
        for pixel, (row, col, rows, cols), _, _ in _blocks(product):
            window = rasterio.windows.Window(col, row, cols, rows)
            for name in LAYERS[pixel]:
                with rasterio.open(_image(product, name)) as image:
                    image.read(1, window=window)


def _against_decoding(
    product: Product, form: str, folder: pathlib.Path
) -> tuple[Row, float]:
    """Returns the row, and the megapixels a second that we extract."""
    ours, bare = _seconds(
        lambda: _extract_all(product, folder), lambda: _decode_all(product)
    )
    row = Row(
        f"extract all blocks of a date, {form}",
        round(ours, 3),
        "s",
        "bare decode with rasterio",
        round(bare, 3),
        "<= 1.25",
    )
    return row, _megapixels(product) / ours


def _against_sampling(product: Product, folder: pathlib.Path) -> list[Row]:
    blocks = [block for block in _blocks(product) if block[0] == 10]
    row = np.concatenate([block[2] for block in blocks])
    col = np.concatenate([block[3] for block in blocks])
    names = [*LAYERS[10], *LAYERS[20]]
    points = list(
        zip(*(x.tolist() for x in product.grid.centres(row, col)), strict=True)
    )
    few = np.random.default_rng(1).permutation(len(points))[:SAMPLED_ONE_BY_ONE]

    def one_by_one() -> None:
        with rasterio.Env(GDAL_NUM_THREADS=1):
            for number in few.tolist():
                for name in names:
                    with rasterio.open(_image(product, name)) as image:
                        next(image.sample([points[number]]))

    def all_at_once() -> None:
        with rasterio.Env(GDAL_NUM_THREADS=1):  # With GDAL's own, large cache.
            for name in names:
                with rasterio.open(_image(product, name)) as image:
                    list(image.sample(points))

    [ours, together] = _seconds(lambda: _extract_all(product, folder), all_at_once)
    start = time.perf_counter()
    one_by_one()
    alone = (time.perf_counter() - start) / len(few) * len(points)
    count = len(points)
    return [
        Row(
            "extract samples, JPEG 2000",
            round(count / ours, 1),
            "samples/s at a date",
            f"rasterio sample by sample ({len(few)} of {count} timed)",
            round(count / alone, 3),
            ">= 20",
        ),
        Row(
            "extract samples, JPEG 2000",
            round(count / ours, 1),
            "samples/s at a date",
            "rasterio.sample, all samples of an open image in a call",
            round(count / together, 1),
        ),
    ]


def _peak(product: Product, folder: str, dates: int) -> int:
    """Extracts a block of each resolution; returns the memory this takes, in KiB.

    That is the peak above what the process holds before: its libraries.
    """
    blocks = _blocks(product)
    chosen = [next(b for b in blocks if b[0] == pixel) for pixel in (10, 20)]
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # Forgets the peak so far.
    before = _status("VmRSS")
    for pixel, window, row, col in chosen:
        path = f"{folder}/peak_{pixel}.npy"
        extraction.extract(_series(product, dates), pixel, window, row, col, path)
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """Returns a line of what Linux says of this process, in KiB."""
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.partition(f"{field}:")[2].split()[0])


def _peak_memory(product: Product, folder: pathlib.Path) -> list[Row]:
    context = multiprocessing.get_context("spawn")
    peaks = []
    for dates in (10, 40):
        with context.Pool(1) as pool:
            peaks.append(pool.apply(_peak, (product, str(folder), dates)) / 1024)
    return [
        Row(
            "memory that extraction takes at 40 dates",
            round(peaks[1], 1),
            "MiB",
            "at 10 dates",
            round(peaks[0], 1),
            "<= 1.25",
        )
    ]


def _costs(rates: Mapping[str, float], products: Mapping[str, Product]) -> list[Row]:
    """What a year of tiles costs at the measured rates, all blocks holding samples."""
    table = []
    pixels = sum(FULL_MEGAPIXELS.values())
    for form, rate in rates.items():
        images = products[form]
        names = [*LAYERS[10], *LAYERS[20]]
        stored = sum(os.path.getsize(_image(images, name)) for name in names)
        stored_bytes = stored / _megapixels(images) * pixels
        for tiles in (16, 118):
            dates = tiles * DATES_A_YEAR
            what = f"{tiles} tiles x {DATES_A_YEAR} dates, {form}"
            hours = dates * pixels / rate / 3600
            table += [
                Row(f"{what}: work", round(hours, 1), "core-hours"),
                Row(f"{what}: read", round(dates * stored_bytes / 1e12, 2), "TB"),
                Row(f"{what}: decoded", round(dates * pixels * 2e-6, 2), "TB"),
            ]
    return table


def _as_cogs(product: Product, folder: pathlib.Path) -> Product:
    """Returns the product with its images stored as Cloud-Optimised GeoTIFF."""

    def copy(path: str) -> str:
        target = str(folder / f"{pathlib.Path(path).stem}.tif")
        rasterio.shutil.copy(
            path, target, driver="COG", BLOCKSIZE=1024, COMPRESS="DEFLATE",
            PREDICTOR="YES", OVERVIEWS="NONE",
        )  # fmt: skip
        return target

    return dataclasses.replace(
        product,
        bands=tuple(
            dataclasses.replace(band, path=copy(band.path)) for band in product.bands
        ),
        scene_classification=copy(product.scene_classification),
    )
