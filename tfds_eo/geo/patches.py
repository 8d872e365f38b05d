"""Where square patches fit, and cutting them out of an image.

A patch is known by its upper-left pixel. Masks are searched in strips, so that memory
stays at the size of the mask.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Corners = npt.NDArray[np.int64]

_STRIP = 512


def patch_corners(
    inside: npt.NDArray[np.bool_], *, size: int, stride: int
) -> tuple[Corners, Corners]:
    """Returns the corners of the patches that lie wholly inside a region.

    The grid of patches begins at the first row and the first column in which the region
    has a pixel: a rectangle of a x b pixels gives (floor((a - size) / stride) + 1) x
    (floor((b - size) / stride) + 1) patches, wherever it lies.

    Args:
        inside: Which pixels belong to the region, ``[rows, cols]``.
        size: Width and height of a patch in pixels.
        stride: Step from one patch to the next in pixels.

    Returns:
        Rows and columns of the upper-left pixels, by row, then by column.

    Raises:
        ValueError: If ``size`` or ``stride`` is not positive.
    """
    check_size(size, stride)
    none = np.zeros(0, np.int64)
    rows = np.flatnonzero(inside.any(axis=1))
    if not len(rows):
        return none, none
    cols = np.flatnonzero(inside.any(axis=0))
    box = inside[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    if min(box.shape) < size:
        return none, none
    at_col = np.arange(0, box.shape[1] - size + 1, stride)
    at_row = np.arange(0, box.shape[0] - size + 1, stride)
    # For each row and each column of the grid: how many of the next pixels are inside.
    full = np.empty((box.shape[0], len(at_col)), np.bool_)
    for top in range(0, box.shape[0], _STRIP):
        total = _sums(box[top : top + _STRIP], axis=1)
        full[top : top + _STRIP] = total[:, at_col + size] - total[:, at_col] == size
    total = _sums(full, axis=0)
    fits = total[at_row + size] - total[at_row] == size
    row, col = np.nonzero(fits)
    return at_row[row] + rows[0], at_col[col] + cols[0]


def count_in_patches(
    mask: npt.NDArray[np.bool_], row: Corners, col: Corners, *, size: int
) -> npt.NDArray[np.int32]:
    """Returns how many pixels of each patch are set.

    Args:
        mask: ``[rows, cols]``.
        row: First row of each patch; the patch lies inside the mask.
        col: First column of each patch.
        size: Width and height of the patches.
    """
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=0, dtype=np.int32, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    return (
        total[row + size, col + size]
        - total[row, col + size]
        - total[row + size, col]
        + total[row, col]
    )


def cut_patches(
    image: npt.NDArray[np.generic], row: Corners, col: Corners, *, size: int
) -> npt.NDArray[np.generic]:
    """Copies patches out of an image.

    Args:
        image: ``[rows, cols]`` or ``[rows, cols, channels]``.
        row: First row of each patch; the patch lies inside the image.
        col: First column of each patch.
        size: Width and height of the patches.

    Returns:
        ``[patches, size, size]`` or ``[patches, size, size, channels]``.

    Raises:
        ValueError: If a patch does not lie inside the image.
    """
    image = np.ascontiguousarray(image)
    rows, cols = image.shape[:2]
    if len(row) and (
        min(row.min(), col.min()) < 0
        or row.max() + size > rows
        or col.max() + size > cols
    ):
        raise ValueError(
            f"patches of {size} pixels must lie inside an image of {rows} x {cols};"
            f" got rows {row.min()} to {row.max()} and columns {col.min()} to"
            f" {col.max()}"
        )
    channels = int(np.prod(image.shape[2:], dtype=np.int64))
    # Pixels of a patch's row are neighbours in memory: they are copied as one piece.
    windows = np.lib.stride_tricks.sliding_window_view(
        image.reshape(rows, cols * channels), (size, size * channels)
    )
    return windows[row, col * channels].reshape(len(row), size, size, *image.shape[2:])


def groups_that_share_pixels(
    row: Corners, col: Corners, *, size: int
) -> npt.NDArray[np.int64]:
    """Returns the group of each patch: patches that share a pixel are in one.

    Sharing is passed on: two patches that share no pixel are in one group if a third
    one shares pixels with both.

    Args:
        row: First row of each patch.
        col: First column of each patch.
        size: Width and height of each patch, ``[patches]`` or one number.

    Returns:
        Groups, numbered from 0 by their first patch, ``[patches]``.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(row)
    first, second = _neighbours(row, col, size)
    joined = coo_array(
        (np.ones(len(first), np.int8), (first, second)), shape=(count, count)
    )
    _, group = connected_components(joined, directed=False)
    _, index, inverse = np.unique(group, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(index))[inverse]


def check_size(size: int, stride: int) -> None:
    """Checks the size and stride of patches.

    Raises:
        ValueError: If one is not positive.
    """
    if size < 1 or stride < 1:
        raise ValueError(
            f"size and stride of patches must be positive; got {size} and {stride}"
        )


def _sums(mask: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.int32]:
    """Returns cumulative sums along an axis, with a zero before the first."""
    shape = list(mask.shape)
    shape[axis] += 1
    total = np.zeros(shape, np.int32)
    behind = total[:, 1:] if axis == 1 else total[1:]
    np.cumsum(mask, axis=axis, dtype=np.int32, out=behind)
    return total


def _neighbours(row: Corners, col: Corners, size: int) -> tuple[Corners, Corners]:
    """Returns pairs of patches of one size that share a pixel, enough to join all.

    Patches are put into cells of ``size`` x ``size`` pixels by their corner. Those that
    share a pixel are in one cell or in neighbouring ones; patches of one cell share
    their lower-right corners' pixel, so a chain joins them.
    """
    if not len(row):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.lexsort((col // size, row // size))
    cell_row, cell_col = row[order] // size, col[order] // size
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(cell_row) != 0) | (np.diff(cell_col) != 0)
    starts = np.flatnonzero(new)
    pairs = [(order[:-1][~new[1:]], order[1:][~new[1:]])]
    members = {
        (int(cell_row[start]), int(cell_col[start])): order[start:stop]
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True)
    }
    for (at_row, at_col), here in members.items():
        for step in ((0, 1), (1, -1), (1, 0), (1, 1)):
            there = members.get((at_row + step[0], at_col + step[1]))
            if there is not None:
                pairs.extend(_touching(row, col, here, there, size))
    first, second = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _touching(
    row: Corners, col: Corners, here: Corners, there: Corners, size: int
) -> Iterator[tuple[Corners, Corners]]:
    near = (np.abs(row[here][:, None] - row[there]) < size) & (
        np.abs(col[here][:, None] - col[there]) < size
    )
    if near.any():
        a, b = np.nonzero(near)
        yield here[a[:1]], there[b[:1]]
