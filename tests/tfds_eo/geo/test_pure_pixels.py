"""Pixels wholly in one polygon, against shapely's word on every pixel."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo import pure_pixels
from tfds_eo.geo.tile_grid import TileGrid

GRID = TileGrid(tile="33UVP", crs="EPSG:32633", left=300, top=5000, rows=14, cols=22)
# Corners on, between and beyond pixel edges, at a quarter of a metre.
PLACES = st.tuples(
    st.integers(4 * 260, 4 * 560).map(lambda n: n / 4),
    st.integers(4 * 4830, 4 * 5040).map(lambda n: n / 4),
)


@st.composite
def polygons(draw):
    ring = draw(st.lists(PLACES, min_size=3, max_size=9, unique=True))
    shape = shapely.make_valid(shapely.Polygon(ring))
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    parts = [q for p in parts for q in shapely.get_parts(p) if q.area > 0]
    return shapely.MultiPolygon(parts)


def squares():
    row, col = np.mgrid[: GRID.rows, : GRID.cols]
    x, y = GRID.centres(row, col)
    return x, y, shapely.box(x - 5, y - 5, x + 5, y + 5)


@settings(max_examples=150, deadline=None)
@given(polygons())
def test_the_centres_inside_and_the_squares_touched_are_those_of_shapely(shape):
    x, y, boxes = squares()
    edges = pure_pixels.edges_of(np.array([shape], object), GRID)
    inside = pure_pixels.winding(edges, GRID.rows, GRID.cols)
    # Within a micrometre of an edge, rounding decides.
    on_edge = shapely.dwithin(shapely.boundary(shape), shapely.points(x, y), 1e-6)
    expected = shapely.contains_xy(shape, x, y)
    assert (inside == expected)[~on_edge].all()
    found = pure_pixels.touched(edges, GRID.rows, GRID.cols)
    insides = shapely.buffer(boxes, -1e-4, join_style="mitre")
    meets = shapely.intersects(shapely.boundary(shape), insides)
    assert found[meets].all(), "a square that an edge meets was missed"
    near = shapely.dwithin(shapely.boundary(shape), boxes, 1e-6)
    assert not found[~near].any()


@settings(max_examples=100, deadline=None)
@given(st.lists(polygons(), min_size=1, max_size=3), st.integers(3, 20))
def test_a_pure_pixel_lies_wholly_in_one_eroded_polygon_and_in_no_other(
    shapes, erosion
):
    _, _, boxes = squares()
    whole = np.array(shapes, object)
    eroded = shapely.buffer(whole, -float(erosion), join_style="mitre")
    found, overlapped = pure_pixels.pure_pixels(
        pure_pixels.edges_of(whole, GRID),
        pure_pixels.edges_of(eroded, GRID),
        0,
        GRID.rows,
        GRID.cols,
    )
    wholly_in = np.stack([shapely.covers(shape, boxes) for shape in eroded])
    reached = np.stack(
        [shapely.area(shapely.intersection(shape, boxes)) > 1e-3 for shape in whole]
    )
    for row, col in zip(*np.nonzero(found >= 0), strict=True):
        number = found[row, col]
        assert shapely.covers(shapely.buffer(eroded[number], 1e-6), boxes[row, col])
        assert reached[:, row, col].sum() == 1
    # And none is missed, but those whose square only just fits.
    snug = np.stack(
        [shapely.covers(shapely.buffer(shape, -1e-6), boxes) for shape in eroded]
    )
    touching = np.stack([shapely.dwithin(s, boxes, 1e-6) for s in whole]).sum(axis=0)
    must = snug.any(axis=0) & (touching == 1)
    assert (found[must] >= 0).all()
    assert overlapped <= wholly_in.any(axis=0).sum() + 1


def test_what_is_found_does_not_depend_on_the_strips():
    rng = np.random.default_rng(3)
    centres = rng.uniform([310, 4870], [510, 4990], (6, 2))
    whole = shapely.buffer(shapely.points(centres), rng.uniform(20, 45, 6), quad_segs=2)
    eroded = shapely.buffer(whole, -6, join_style="mitre")
    edges = [pure_pixels.edges_of(shapes, GRID) for shapes in (whole, eroded)]
    at_once, _ = pure_pixels.pure_pixels(*edges, 0, GRID.rows, GRID.cols)
    by_row = [
        pure_pixels.pure_pixels(*edges, row, 1, GRID.cols)[0]
        for row in range(GRID.rows)
    ]
    assert np.array_equal(np.concatenate(by_row), at_once)
    assert len(np.unique(at_once)) > 3


def test_a_hole_is_outside_and_a_square_counts_its_pixels():
    # 8 x 6 pixels from column 2 and row 3, with a hole of one pixel.
    shape = shapely.Polygon(
        [(320, 4970), (400, 4970), (400, 4910), (320, 4910)],
        [[(350, 4940), (360, 4940), (360, 4930), (350, 4930)]],
    )
    edges = pure_pixels.edges_of(np.array([shape], object), GRID)
    inside = pure_pixels.winding(edges, GRID.rows, GRID.cols)
    assert inside.sum() == 8 * 6 - 1
    assert inside[3:9, 2:10].sum() == 47
    assert inside[6, 5] == 0
