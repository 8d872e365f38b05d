"""Cells are slices of the table and of the blocks' values, whatever the blocks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.s2_crop_series import cells

GRID = TileGrid(
    tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=60, cols=44
)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 200),
    st.tuples(st.integers(3, 60), st.integers(3, 44)),
    st.tuples(st.integers(2, 30), st.integers(2, 22)),
)
def test_a_cell_is_the_same_samples_in_the_table_and_in_both_blocks(
    seed, count, ten, twenty
):
    rng = np.random.default_rng(seed)
    places = rng.choice(60 * 44, count, replace=False)
    shapes = {10: ten, 20: twenty}
    table = cells.sort_samples(
        {
            "row": (places // 44).astype(np.int32),
            "col": (places % 44).astype(np.int32),
            "split": rng.integers(0, 3, count).astype(np.int8),
        },
        shapes,
    )
    blocks, found = cells.divide(table, GRID, shapes)
    assert sorted(c for cell in found for c in range(cell.first, cell.stop)) == (
        list(range(count))
    )
    by_place = {(b.pixel, b.row, b.col): b for b in blocks}
    assert len(by_place) == len(blocks)
    for pixel in (10, 20):
        mine = [b for b in blocks if b.pixel == pixel]
        assert sorted(np.concatenate([b.samples for b in mine] or [[]])) == (
            list(range(count))
        )
        for block in mine:
            row, col, rows, cols = block.window
            scale = pixel // 10
            inside = table["row"][block.samples] // scale - row
            assert ((inside >= 0) & (inside < rows)).all()
            inside = table["col"][block.samples] // scale - col
            assert ((inside >= 0) & (inside < cols)).all()
            assert row + rows <= 60 // scale
            assert col + cols <= 44 // scale
    for cell in found:
        assert set(table["split"][cell.first : cell.stop].tolist()) == {cell.split}
        for pixel in (10, 20):
            block = by_place[pixel, *cell.blocks[pixel]]
            start = cell.starts[pixel]
            samples = block.samples[start : start + cell.stop - cell.first]
            assert samples.tolist() == list(range(cell.first, cell.stop))
