"""Squares keep the places of splits apart, over the border of UTM zones too."""

import numpy as np
import pyproj
import pytest

from tfds_eo.geo import squares
from tfds_eo.geo.squares import Squares
from tfds_eo.geo.tile_grid import TileGrid

WEST = TileGrid(
    tile="32TQT", crs="EPSG:32632", left=699960, top=5300040, rows=10980, cols=10980
)
EAST = TileGrid(
    tile="33TUN", crs="EPSG:32633", left=300000, top=5300040, rows=10980, cols=10980
)


def division(**fields):
    longitude, latitude = squares.middle_of([WEST, EAST])
    return Squares(
        **{
            "longitude": longitude,
            "latitude": latitude,
            "size": 6000.0,
            "buffer": 500.0,
            "shares": (0.6, 0.3, 0.1),
            "seed": 4,
        }
        | fields
    )


def places(grid, count, seed):
    rng = np.random.default_rng(seed)
    left, bottom, right, top = grid.bounds
    return rng.uniform(left, right, count), rng.uniform(bottom, top, count)


def test_the_middle_is_in_whole_degrees():
    assert squares.middle_of([WEST, EAST]) == (13.0, 47.0)


def test_samples_of_two_squares_are_a_buffer_apart_on_the_ground():
    rule, geod = division(), pyproj.Geod(ellps="WGS84")
    found = []
    for grid, seed in ((WEST, 1), (EAST, 2)):
        x, y = places(grid, 3000, seed)
        square = rule.square_of(x, y, grid.crs)
        inside = rule.inside(x, y, grid.crs, square)
        # (1 - 500 / 6000) squared is 84 % of a square.
        assert inside.mean() == pytest.approx(0.84, abs=0.03)
        to_degrees = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
        lon, lat = to_degrees.transform(x[inside], y[inside])
        found.append(np.column_stack([lon, lat, square[inside]]))
    found = np.concatenate(found)
    # Degrees to roughly metres, only to find the nearest pairs.
    near = found[:, :2] * [75_500, 111_200]
    checked = 0
    for at in range(len(found)):
        gap = np.hypot(*(near - near[at]).T)
        for other in np.flatnonzero((gap < 800) & (gap > 0)):
            if (found[at, 2:] != found[other, 2:]).any():
                metres = geod.inv(*found[at, :2], *found[other, :2])[2]
                assert metres > 500 * 0.998
                checked += 1
    assert checked > 20


def test_squares_are_shared_among_splits_by_their_shares_and_seed():
    x, y = places(WEST, 5000, 3)
    rule = division(size=5000.0)
    square = rule.square_of(x, y, WEST.crs)
    split = rule.split_of(square)
    assert np.bincount(split).tolist() == pytest.approx([3000, 1500, 500], rel=0.25)
    for place in np.unique(square, axis=0):
        mine = (square == place).all(axis=1)
        assert len(set(split[mine].tolist())) == 1
    order = np.random.default_rng(1).permutation(5000)
    assert (rule.split_of(square[order]) == split[order]).all()
    assert (division(seed=5).split_of(square) != split).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 4999.0}, "at least 5000 m wide"),
        ({"buffer": 6000.0}, "wider than the buffer"),
        ({"shares": (0.5, 0.4, 0.2)}, "must sum to 1"),
    ],
)
def test_squares_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        division(**fields)
