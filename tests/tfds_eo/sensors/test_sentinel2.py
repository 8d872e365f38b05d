"""Digital numbers of Sentinel-2 become reflectance and condition."""

import numpy as np
import pytest
import rasterio

from tfds_eo import schemas
from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.sensors import sentinel2
from tfds_eo.sensors.sentinel2 import BandImage


def image(offset, quantification=10000.0):
    return BandImage(path="", quantification=quantification, offset=offset)


def test_the_offset_is_added_to_the_numbers_but_not_to_no_data_or_saturation():
    numbers = np.array([0, 1, 999, 1000, 1001, 1534, 12345, 65535], np.uint16)
    found = sentinel2.reflectance(numbers, image(-1000.0))
    assert found.tolist() == [0, 1, 1, 1, 1, 534, 11345, 65535]


def test_without_offset_the_numbers_stay_as_they_are():
    numbers = np.array([[0, 1, 7], [10001, 32767, 65535]], np.uint16)
    found = sentinel2.reflectance(numbers, image(0.0))
    assert found.tolist() == numbers.tolist()
    assert found.dtype == np.uint16


def test_another_quantification_is_brought_to_ten_thousand():
    numbers = np.array([500, 2500], np.uint16)
    found = sentinel2.reflectance(numbers, image(-100.0, quantification=2000.0))
    assert found.tolist() == [2000, 12000]


def test_the_bands_of_both_resolutions_are_the_bands_of_a_series():
    assert sentinel2.BANDS_10M + sentinel2.BANDS_20M == schemas.CROP_BANDS


def test_each_scene_class_has_its_condition():
    names = [
        schemas.CONDITIONS[code]
        for code in sentinel2.condition(
            np.arange(13, dtype=np.uint8), np.full((13, 2), 5, np.uint16)
        )
    ]
    assert names == [
        *("cloud", "cloud", "shadow", "shadow", "clear", "clear", "clear", "clear"),
        *("cloud", "cloud", "cloud", "snow", "cloud"),  # 12 is no class of theirs.
    ]


def test_a_pixel_with_an_empty_band_was_not_seen():
    values = np.array([[3, 4, 5], [3, 0, 5]], np.uint16)
    found = sentinel2.condition(np.array([4, 4], np.uint8), values)
    assert [schemas.CONDITIONS[code] for code in found] == ["clear", "cloud"]


@pytest.fixture
def grid():
    return TileGrid(
        tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=12, cols=8
    )


def write(path, values, grid, pixel, **profile):
    rows, cols = values.shape
    profile = {
        "driver": "GTiff",
        "crs": grid.crs,
        "transform": rasterio.Affine(*grid.transform(pixel)),
        **profile,
    }
    with rasterio.open(
        path, "w", height=rows, width=cols, count=1, dtype="uint16", **profile
    ) as file:
        file.write(values, 1)
    return str(path)


def test_a_window_is_read_as_stored(tmp_path, grid):
    values = np.arange(6 * 4, dtype=np.uint16).reshape(6, 4)
    path = write(tmp_path / "B05.tif", values, grid, 20)
    found = sentinel2.read_window(path, grid, 20, (2, 1, 3, 2))
    assert found.tolist() == [[9, 10], [13, 14], [17, 18]]


def test_an_image_on_another_grid_is_broken(tmp_path, grid):
    values = np.zeros((6, 4), np.uint16)
    shifted = rasterio.Affine(20, 0, grid.left + 20, 0, -20, grid.top)
    path = write(tmp_path / "B05.tif", values, grid, 20, transform=shifted)
    with pytest.raises(sentinel2.BrokenImage, match="must lie on the 20 m grid"):
        sentinel2.read_window(path, grid, 20, (0, 0, 1, 1))
    path = write(tmp_path / "B06.tif", values, grid, 20, crs="EPSG:32632")
    with pytest.raises(sentinel2.BrokenImage, match="got EPSG:32632"):
        sentinel2.read_window(path, grid, 20, (0, 0, 1, 1))


def test_a_missing_or_cut_image_is_broken(tmp_path, grid):
    path = tmp_path / "B02.jp2"
    with pytest.raises(sentinel2.BrokenImage, match=r"B02\.jp2"):
        sentinel2.read_window(str(path), grid, 10, (0, 0, 1, 1))
    values = np.random.default_rng(4).integers(1, 9999, (512, 512)).astype(np.uint16)
    large = TileGrid(
        tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=512, cols=512
    )
    options = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}
    write(path, values, large, 10, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(sentinel2.BrokenImage, match="cannot be read"):
        sentinel2.read_window(str(path), large, 10, (0, 0, 512, 512))


def test_the_grid_of_an_image_is_that_of_its_tile(tmp_path, grid):
    path = write(tmp_path / "B02.tif", np.zeros((12, 8), np.uint16), grid, 10)
    assert sentinel2.grid_of_image(path, "33UVP") == grid
    assert sentinel2.block_shape(path) == (12, 8)
