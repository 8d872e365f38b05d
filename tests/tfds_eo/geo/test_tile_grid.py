"""The grid of a tile, against rasterio and by hand."""

import numpy as np
import pytest
import rasterio.transform
import rasterio.warp

from tfds_eo.geo.tile_grid import TileGrid

GRID = TileGrid(
    tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=40, cols=30
)


def test_centres_are_those_of_rasterio():
    row, col = np.array([0, 3, 39]), np.array([29, 7, 0])
    x, y = GRID.centres(row, col)
    transform = rasterio.Affine(*GRID.transform())
    expected = rasterio.transform.xy(transform, row, col)
    assert np.array_equal([x, y], expected)
    longitude, latitude = GRID.longitude_latitude(row, col)
    expected = rasterio.warp.transform(GRID.crs, "EPSG:4326", x, y)
    assert np.array([longitude, latitude]) == pytest.approx(np.array(expected))
    assert 13 < longitude[0] < 14
    assert 48 < latitude[0] < 49


def test_depth_is_the_distance_to_the_nearest_edge():
    x = np.array([399960 + 10, 399960 + 150, 399960 - 5, 399960 + 290])
    y = np.array([5400000 - 100, 5400000 - 390, 5400000 - 100, 5400000 + 30])
    assert GRID.depth(x, y).tolist() == [10, 10, -5, -30]


def test_a_grid_in_which_20_m_pixels_do_not_nest_is_refused():
    with pytest.raises(ValueError, match="even, positive number"):
        TileGrid(tile="33UVP", crs="EPSG:32633", left=0, top=0, rows=41, cols=30)
