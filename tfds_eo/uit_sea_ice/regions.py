"""Recovers which patches were cut from the same place, from the pixels they share.

Patches were cut inside hand-drawn polygons at a stride of 10 pixels. Where they are
larger than that, the lower part of one is the upper part of the next: patches that are
connected so lie in one region. Patches of 10 x 10 share nothing; they are found inside
the larger patches instead.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

STRIDE = 10
"""Distance in pixels between neighbouring patches of a polygon."""

LEAST_JOINED = 0.8
"""Least share of patches with a neighbour for a recovery to be believed.

Our choice: a polygon of a single patch is possible, most patches being alone is not.
"""

NONE = -1
"""Region of a patch that was found in no larger one."""

_CHUNK = 512  # Patches hashed at a time: their bits stay in the cache.

_Hashes = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True, eq=False)
class Regions:
    """Where patches come from.

    Attributes:
        ids: Number of each patch's region, from 0 in the order in which regions first
            occur; `NONE` where it is not known. ``[patches]``.
        joined: Share of patches that share pixels with another patch.
    """

    ids: npt.NDArray[np.int64]
    joined: float

    @property
    def believed(self) -> bool:
        """Whether enough patches were joined to split by region."""
        return self.joined >= LEAST_JOINED


def recover(backscatter: npt.NDArray, *, stride: int = STRIDE) -> Regions:
    """Joins patches that overlap by all but ``stride`` rows or columns.

    Parts without contrast, such as no data, join nothing.

    Args:
        backscatter: Patches without the incidence angle, as they are stored:
            ``[patches, size, size, channels]``.
        stride: Distance between neighbours in pixels.

    Raises:
        ValueError: If the patches are not larger than the stride, so that neighbours
            share no pixels.
    """
    count, size = backscatter.shape[:2]
    if size <= stride:
        raise ValueError(
            f"patches must be larger than their stride of {stride} to overlap; got"
            f" {size}"
        )
    shared = size - stride
    patches: list[npt.NDArray[np.int64]] = []
    parts: list[npt.NDArray[np.int64]] = []
    first_part = 0
    for height, width in ((shared, size), (size, shared)):
        near, near_plain = _hashes(backscatter, 0, 0, height, width)
        far, far_plain = _hashes(
            backscatter, size - height, size - width, height, width
        )
        keys, part = np.unique(np.concatenate([near, far]), return_inverse=True)
        usable = ~np.concatenate([near_plain, far_plain])
        patches.append(np.tile(np.arange(count), 2)[usable])
        parts.append(part[usable] + first_part)
        first_part += len(keys)
    patch, part = np.concatenate(patches), np.concatenate(parts)
    # A graph of patches and of the parts they hold: its components are the regions.
    graph = coo_array(
        (np.ones(len(patch), np.int8), (patch, part + count)),
        shape=(count + first_part, count + first_part),
    )
    _, component = connected_components(graph, directed=False)
    ids = _by_first_occurrence(component[:count])
    sizes = np.bincount(ids, minlength=1)
    return Regions(ids, float((sizes[ids] > 1).mean()) if count else 0.0)


def find_inside(
    small: npt.NDArray, large: npt.NDArray, regions: npt.NDArray[np.int64]
) -> Regions:
    """Finds small patches inside large ones and gives them the region of those.

    Offsets that are multiples of the stride are tried first, all others only if these
    leave too many patches unfound.

    Args:
        small: Patches ``[patches, size, size, channels]`` without incidence angle.
        large: Larger patches of the same channels and dtype.
        regions: Region of each large patch.

    Returns:
        The regions of the small patches; ``joined`` is the share that was found.
    """
    size, reach = small.shape[1], large.shape[1] - small.shape[1] + 1
    wanted, plain = _hashes(small, 0, 0, size, size)
    ids = np.full(len(small), NONE, np.int64)
    every = [(row, col) for row in range(reach) for col in range(reach)]
    regular = [at for at in every if at[0] % STRIDE == 0 and at[1] % STRIDE == 0]
    for offsets in (regular, [at for at in every if at not in regular]):
        for row, col in offsets:
            keys, _ = _hashes(large, row, col, size, size)
            order = np.argsort(keys, kind="stable")
            place = np.searchsorted(keys[order], wanted)
            hit = order[np.minimum(place, len(order) - 1)]
            found = (keys[hit] == wanted) & ~plain & (ids == NONE)
            ids[found] = regions[hit[found]]
        if (ids != NONE).mean() >= LEAST_JOINED:
            break
    return Regions(ids, float((ids != NONE).mean()) if len(ids) else 0.0)


def _hashes(
    patches: npt.NDArray, row: int, col: int, height: int, width: int
) -> tuple[_Hashes, npt.NDArray[np.bool_]]:
    """Returns a hash of a part of each patch, and whether the part has no contrast."""
    channels = patches.shape[3]
    bits = np.dtype(f"u{patches.dtype.itemsize}")
    # Weights depend on the shape alone: equal parts have equal hashes anywhere.
    random = np.random.default_rng([height, width, channels])
    weights = random.integers(1, 2**63, height * width * channels, np.uint64) | 1
    hashes = np.empty(len(patches), np.uint64)
    plain = np.empty(len(patches), bool)
    for start in range(0, len(patches), _CHUNK):
        part = np.ascontiguousarray(
            patches[start : start + _CHUNK, row : row + height, col : col + width]
        )
        flat = part.view(bits).reshape(len(part), -1)
        hashes[start : start + _CHUNK] = np.einsum(
            "nk,k->n", flat.astype(np.uint64), weights
        )
        pixels = flat.reshape(len(part), -1, channels)
        plain[start : start + _CHUNK] = (pixels == pixels[:, :1]).all(axis=(1, 2))
    return hashes, plain


def _by_first_occurrence(labels: npt.NDArray) -> npt.NDArray[np.int64]:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]
