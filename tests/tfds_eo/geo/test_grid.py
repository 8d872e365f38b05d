"""Windows and map grids."""

import numpy as np
import pytest

from tfds_eo.geo.grid import MapGrid, PixelWindow, grid_around, tiles


def test_tiles_cover_every_pixel_once():
    count = np.zeros((23, 17), int)
    for tile in tiles(23, 17, size=6):
        count[tile.row : tile.end_row, tile.col : tile.end_col] += 1
    assert (count == 1).all()


def test_a_window_is_cut_to_its_image():
    window = PixelWindow(row=-2, col=5, rows=10, cols=20)
    assert window.within(6, 9) == PixelWindow(row=0, col=5, rows=6, cols=4)
    assert window.within(6, 3).cols == 0


def test_grids_lie_on_multiples_of_their_resolution_and_hold_their_points():
    grid = grid_around(
        np.array([-10.0, -8.5]), np.array([77.0, 78.2]), crs="EPSG:3413", resolution=80
    )
    assert grid.left % 80 == grid.top % 80 == 0
    x, y = grid.centres(PixelWindow(row=0, col=0, rows=2, cols=3))
    np.testing.assert_array_equal(x, grid.left + np.array([40.0, 120.0, 200.0]))
    np.testing.assert_array_equal(y, grid.top - np.array([40.0, 120.0]))


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:3995", "EPSG:3575"])
def test_polar_maps_are_accepted(crs):
    assert MapGrid(crs=crs, left=0, top=0, resolution=40, rows=1, cols=1).crs == crs


def test_degrees_are_refused():
    with pytest.raises(ValueError, match="projected CRS in metres"):
        MapGrid(crs="EPSG:4326", left=0, top=0, resolution=40, rows=1, cols=1)
