"""Positions from tie points: against PROJ, at the pole and across the antimeridian."""

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo.geocoding import TiePoints

ROWS = np.linspace(0, 999, 9)
COLS = np.linspace(0, 799, 8)


def grid_at(longitude, latitude):
    """Tie points 40 m apart a pixel, on a map around a place; and the map's inverse."""
    to_earth = pyproj.Transformer.from_crs(
        f"+proj=aeqd +lon_0={longitude} +lat_0={latitude} +ellps=WGS84",
        "EPSG:4326",
        always_xy=True,
    )

    def truth(row, col):
        return to_earth.transform((col - 400) * 40.0, (500 - row) * 40.0)

    row, col = np.meshgrid(ROWS, COLS, indexing="ij")
    places = truth(row, col)
    return TiePoints(
        rows=ROWS, cols=COLS, longitude=places[0], latitude=places[1]
    ), truth


PLACES = [(10.0, 78.0), (-170.0, 89.95), (179.99, 71.0), (-60.0, -66.0)]


@pytest.mark.parametrize("place", PLACES)
def test_positions_are_within_two_metres_of_the_map_they_come_from(place):
    points, truth = grid_at(*place)
    rng = np.random.default_rng(5)
    row, col = rng.random(300) * 999, rng.random(300) * 799
    longitude, latitude = points.locate(row, col)
    expected = truth(row, col)
    _, _, distance = pyproj.Geod(ellps="WGS84").inv(longitude, latitude, *expected)
    assert np.max(distance) < 2.0  # A twentieth of a pixel.


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=25, deadline=None)
@given(row=st.floats(-200, 1200), col=st.floats(-150, 950))
def test_finding_undoes_locating(place, row, col):
    points, _ = grid_at(*place)
    found = points.find(*points.locate(row, col))
    assert found[0] == pytest.approx(row, abs=1e-4)
    assert found[1] == pytest.approx(col, abs=1e-4)


def test_tie_points_are_where_the_product_says():
    points, _ = grid_at(179.99, 71.0)
    row, col = np.meshgrid(ROWS, COLS, indexing="ij")
    longitude, latitude = points.locate(row, col)
    np.testing.assert_allclose(latitude, points.latitude, atol=1e-10)
    np.testing.assert_allclose(longitude, points.longitude, atol=1e-9)


def test_places_far_away_are_nowhere():
    points, _ = grid_at(10.0, 78.0)
    row, col = points.find([10.0, -170.0, np.nan], [20.0, 78.0, 78.0])
    assert np.isnan(row).all()
    assert np.isnan(col).all()


def test_a_grid_of_one_line_is_an_error():
    with pytest.raises(ValueError, match="at least 2 x 2"):
        TiePoints(
            rows=ROWS[:1],
            cols=COLS,
            longitude=np.zeros((1, 8)),
            latitude=np.zeros((1, 8)),
        )
