"""Values of samples are those of the images, from the product that has them."""

import datetime

import numpy as np
import pytest
import rasterio

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.s2_crop_series import extraction
from tfds_eo.schemas import CROP_BANDS
from tfds_eo.sensors import sentinel2
from tfds_eo.sensors.sentinel2 import BANDS_10M, BandImage, Product
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries

GRID = TileGrid(
    tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=24, cols=32
)
ROW, COL = np.array([0, 5, 5, 13, 23]), np.array([31, 6, 7, 16, 0])


def number_of(date, layer):
    """A number that names date, band, row and column of its pixel."""
    pixel = 10 if layer < 3 else 20
    rows, cols = GRID.rows * 10 // pixel, GRID.cols * 10 // pixel
    row, col = np.mgrid[:rows, :cols]
    return (2000 + 5000 * date + 400 * layer + 20 * row + col).astype(np.uint16)


def product(folder, date, *, offset=0.0, change=None, name="a"):
    images = []
    for layer, band in enumerate((*CROP_BANDS, "SCL")):
        pixel = 10 if band in BANDS_10M else 20
        values = number_of(date, layer)
        if band == "SCL":
            values = np.full(values.shape, 4 + date, np.uint16)
        if change is not None:
            change(values, band)
        path = folder / f"{name}_{date}_{band}.tif"
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype="uint16",
            crs=GRID.crs,
            transform=rasterio.Affine(*GRID.transform(pixel)),
        ) as file:
            file.write(values, 1)
        images.append(BandImage(path=str(path), quantification=10000.0, offset=offset))
    return Product(
        id=f"{name}{date}",
        grid=GRID,
        sensed=datetime.datetime(2018, 5, 1 + date, tzinfo=datetime.UTC),
        strip="1",
        baseline="02.06",
        generated="",
        cloud=0.0,
        empty=0.0,
        bands=tuple(images[:-1]),
        scene_classification=images[-1].path,
    )


def series(*observations):
    return TileSeries(
        grid=GRID,
        observations=tuple(
            Observation(date=100 + n, products=tuple(products))
            for n, products in enumerate(observations)
        ),
    )


def extract(tiles, tmp_path, pixel):
    path = str(tmp_path / f"{pixel}.npy")
    scale = pixel // 10
    window = (0, 0, GRID.rows // scale, GRID.cols // scale)
    counted, broken = extraction.extract(tiles, pixel, window, ROW, COL, path)
    return extraction.read_values(path, 0, len(ROW)), counted, broken


def test_values_are_those_of_their_pixels_less_the_offset(tmp_path):
    tiles = series([product(tmp_path, 0)], [product(tmp_path, 1, offset=-1000.0)])
    values, counted, broken = extract(tiles, tmp_path, 10)
    assert (counted, broken) == (6, {})
    for date, offset in ((0, 0), (1, 1000)):
        for layer in range(3):
            expected = number_of(date, layer)[ROW, COL] - offset
            assert values[date, layer].tolist() == expected.tolist()


def test_a_pixel_takes_the_20_m_pixel_that_it_lies_in(tmp_path):
    values, counted, _ = extract(series([product(tmp_path, 1)]), tmp_path, 20)
    assert counted == 7
    for layer in range(6):
        expected = number_of(1, 3 + layer)[ROW // 2, COL // 2]
        assert values[0, layer].tolist() == expected.tolist()
    assert values[0, 6].tolist() == [5] * 5  # The scene classification, as it is.


def test_where_the_first_product_has_no_data_the_next_one_is_asked(tmp_path):
    def empty_in_the_east(values, _):
        values[:, values.shape[1] // 2 :] = 0

    def plus_one(values, _):
        values += 1

    first = product(tmp_path, 0, change=empty_in_the_east)
    second = product(tmp_path, 0, change=plus_one, name="b")
    values, counted, _ = extract(series([first, second]), tmp_path, 10)
    assert counted == 6
    east = COL >= 16
    expected = number_of(0, 1)[ROW, COL] + east
    assert values[0, 1].tolist() == expected.tolist()
    # Where none has data it stays empty; a full product keeps the next one closed.
    alone, counted, _ = extract(series([first]), tmp_path, 10)
    assert ((alone[0, 0] == 0) == east).all()
    _, counted, _ = extract(series([second, first]), tmp_path, 10)
    assert counted == 3


@pytest.mark.parametrize("pixel", [10, 20])
def test_a_date_that_cannot_be_read_is_told_and_empty(tmp_path, pixel):
    tiles = series(*[[product(tmp_path, date)] for date in range(3)])
    (tmp_path / "a_1_B3.tif").unlink()
    (tmp_path / "a_1_SCL.tif").write_bytes(b"II*\0 cut")
    values, _, broken = extract(tiles, tmp_path, pixel)
    assert list(broken) == [101]
    assert "a_1_" in broken[101]
    assert (values[1] == 0).all()
    assert (values[[0, 2]] > 0).all()


def test_each_image_is_decoded_once(tmp_path, monkeypatch):
    held = []
    whole = sentinel2.read_window

    def counting(*arguments):
        held.append(arguments[0])
        return whole(*arguments)

    monkeypatch.setattr(sentinel2, "read_window", counting)
    tiles = series(*[[product(tmp_path, date)] for date in range(4)])
    extract(tiles, tmp_path, 10)
    extract(tiles, tmp_path, 20)
    assert len(held) == len(set(held)) == 4 * 10, "an image was decoded twice"
