"""Finds the patches of a scene: which pixels, which polygon, which label.

Nothing is cut here. Of the pixels only is looked at whether they hold data.
"""

from __future__ import annotations

import collections
import dataclasses

import numpy as np
import numpy.typing as npt
import shapely

from tfds_eo import sigrid3
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.patches import check_size, count_in_patches, patch_corners
from tfds_eo.geo.scene_polygons import (
    Shapes,
    burn,
    erode,
    pixels_inside,
    read_polygons,
    window_around,
)
from tfds_eo.s1_ice_patches.labelling import (
    UNLABELLED,
    Labelling,
    PolygonLabels,
    read_labels,
)
from tfds_eo.s1_ice_patches.views import View, open_view, pixel_size, place_polygons
from tfds_eo.sensors.sentinel1 import Scene
from tfds_eo.sensors.sentinel1_map import MappedScene

Numbers = npt.NDArray[np.int64]

NO_DATA = "patches_with_nodata"
"""Reason: a pixel of the patch has no data."""

NEAR_COAST = "patches_near_coast"
"""Reason: a pixel of the patch is land or too near to it."""

UNDECIDED = "patches_undecided"
"""Reason: the chart leaves too many pixels of the patch unknown."""

_STRIP = 1024
_MOST_MARGIN = 200  # In pixels; polygons are cut off 256 pixels around a scene.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cutting:
    """Which patches are wanted.

    Attributes:
        sizes: Widths and heights in pixels.
        strides: Step of each size in pixels.
        margin: How far patches stay inside the edges of their polygon, in metres.
        coast: How far they stay away from land, in metres.
        known: Least share of a patch that a chart must decide, for rasters.
    """

    sizes: tuple[int, ...] = (32,)
    strides: tuple[int, ...] = (10,)
    margin: float = 0.0
    coast: float = 0.0
    known: float = 0.5

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.strides) or not self.sizes:
            raise ValueError(
                f"each size must have a stride; got sizes {self.sizes} and strides"
                f" {self.strides}"
            )
        if len(set(self.sizes)) < len(self.sizes):
            raise ValueError(f"sizes of patches must differ; got {self.sizes}")
        for size, stride in zip(self.sizes, self.strides, strict=True):
            check_size(size, stride)
        if min(self.margin, self.coast) < 0 or not 0 <= self.known <= 1:
            raise ValueError(
                "margin and coast must not be negative, and known must be a share; got"
                f" {self.margin}, {self.coast} and {self.known}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """A scene whose patches are to be found.

    Attributes:
        view: The scene and how it is read.
        polygons: Path of its polygons.
        labelling: What the polygons say.
        cutting: Which patches are wanted.
        land: Path of polygons of land; none takes land of the chart alone.
    """

    view: View
    polygons: str
    labelling: Labelling
    cutting: Cutting
    land: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """Patches of one size in a scene.

    Attributes:
        row: First row of each.
        col: First column of each.
        polygon: Number of its polygon in the file; -1 for rasters.
        label: Its class; `UNLABELLED` for rasters.
    """

    row: Numbers
    col: Numbers
    polygon: Numbers
    label: Numbers

    def __len__(self) -> int:
        return len(self.row)

    def where(self, chosen: npt.NDArray) -> Placed:
        """Returns the patches of a mask or list of numbers."""
        return Placed(
            row=self.row[chosen],
            col=self.col[chosen],
            polygon=self.polygon[chosen],
            label=self.label[chosen],
        )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ScenePlan:
    """The patches of a scene.

    Attributes:
        scene: Name of the product.
        request: What was asked for.
        simulated: Whether the product is a made one.
        denoised: Whether thermal noise is taken off.
        patches: Patches of each size.
        counts: What was found and what was dropped, by reason.
    """

    scene: str
    request: Request
    simulated: bool
    denoised: bool
    patches: dict[int, Placed]
    counts: dict[str, int]


def plan_scene(request: Request) -> ScenePlan:
    """Finds the patches of a scene.

    A pixel that two polygons claim belongs to neither.

    Raises:
        ValueError: If no polygon meets the scene, or margin or labels do not fit.
    """
    scene = open_view(request.view)
    margin = request.cutting.margin / pixel_size(scene)
    if margin > _MOST_MARGIN:
        raise ValueError(
            f"a margin must be at most {_MOST_MARGIN} pixels;"
            f" {request.cutting.margin:g} m are {margin:.0f} pixels of scene"
            f" {scene.name!r}"
        )
    file, shapes = place_polygons(request.view, request.polygons)
    labels = read_labels(file, request.labelling)
    meets = ~shapely.is_empty(shapes)
    if not meets.any():
        corner_row = np.array([0, 0, scene.rows - 1, scene.rows - 1])
        corner_col = np.array([0, scene.cols - 1, scene.cols - 1, 0])
        corners = zip(*scene.locate(corner_row, corner_col), strict=True)
        outline = ", ".join(f"{lon:.2f} E {lat:.2f} N" for lon, lat in corners)
        raise ValueError(
            f"polygons of {request.polygons!r} must lie on scene {scene.name!r}"
            f" (corners {outline}); none of {len(shapes)} does"
        )
    counts: collections.Counter[str] = collections.Counter()
    counts["polygons"] = len(shapes)
    counts["polygons_mended"] = file.mended
    counts["polygons_outside"] = int((~meets).sum())
    if request.labelling.kind == "chart_rasters":
        found = {
            size: _grid(scene, size, stride) for size, stride in _sizes(request.cutting)
        }
    else:
        counts["polygons_without_class"] = int(
            (meets & (labels.label == UNLABELLED)).sum()
        )
        found = _inside_polygons(scene, shapes, labels, request.cutting, margin, counts)
    coast = _coast(scene, shapes, labels, request)
    patches = _filter(scene, shapes, labels, coast, found, request, counts)
    for size, placed in patches.items():
        counts[f"patches_{size}x{size}"] = len(placed)
    return ScenePlan(
        scene=scene.name,
        request=request,
        simulated=scene.simulated,
        denoised=scene.denoised,
        patches=patches,
        counts=dict(counts),
    )


def polygon_raster(shapes: Shapes, window: PixelWindow) -> npt.NDArray[np.int32]:
    """Returns the number of the polygon at each pixel of a window, -1 for none.

    Where polygons overlap, the later one is taken.
    """
    box = shapely.box(window.col, window.row, window.end_col, window.end_row)
    near = np.flatnonzero(shapely.intersects(shapes, box))
    if not len(near):
        return np.full((window.rows, window.cols), -1, np.int32)
    numbered = [(shapes[number], int(number)) for number in near]
    return burn(numbered, window, fill=-1, dtype="int32")


def _sizes(cutting: Cutting) -> list[tuple[int, int]]:
    return list(zip(cutting.sizes, cutting.strides, strict=True))


def _grid(scene: Scene | MappedScene, size: int, stride: int) -> Placed:
    """Returns patches all over a scene, from its first pixel on."""
    row, col = np.meshgrid(
        np.arange(0, scene.rows - size + 1, stride),
        np.arange(0, scene.cols - size + 1, stride),
        indexing="ij",
    )
    none = np.full(row.size, -1, np.int64)
    return Placed(row=row.ravel(), col=col.ravel(), polygon=none, label=none)


def _inside_polygons(
    scene: Scene | MappedScene,
    shapes: Shapes,
    labels: PolygonLabels,
    cutting: Cutting,
    margin: float,
    counts: collections.Counter[str],
) -> dict[int, Placed]:
    """Finds patches wholly inside one polygon, of all sizes at once."""
    parts: dict[int, list[Placed]] = {size: [] for size in cutting.sizes}
    tree = shapely.STRtree(shapes)
    for number in np.flatnonzero(labels.label != UNLABELLED):
        shape = erode(shapes[number], margin)
        window = window_around(shape, rows=scene.rows, cols=scene.cols)
        largest = 0
        if min(window.rows, window.cols) >= min(cutting.sizes):
            inside = pixels_inside(shape, window)
            for other in tree.query(shape, predicate="intersects"):
                if other != number:
                    inside &= ~pixels_inside(shapes[other], window)
            for size, stride in _sizes(cutting):
                row, col = patch_corners(inside, size=size, stride=stride)
                largest += len(row)
                parts[size].append(
                    Placed(
                        row=row + window.row,
                        col=col + window.col,
                        polygon=np.full(len(row), number, np.int64),
                        label=np.full(len(row), labels.label[number], np.int64),
                    )
                )
        if not largest and not shapes[number].is_empty:
            counts["polygons_too_small"] += 1
    return {size: _joined(found) for size, found in parts.items()}


def _joined(parts: list[Placed]) -> Placed:
    def join(name: str) -> Numbers:
        none = np.zeros(0, np.int64)
        return np.concatenate([none, *(getattr(part, name) for part in parts)])

    return Placed(
        row=join("row"), col=join("col"), polygon=join("polygon"), label=join("label")
    )


def _coast(
    scene: Scene | MappedScene,
    shapes: Shapes,
    labels: PolygonLabels,
    request: Request,
) -> Shapes:
    """Returns land with the sea near to it."""
    land = shapes[labels.land]
    if request.land is not None:
        file = read_polygons(request.land)
        land = np.concatenate([land, scene.place(file.shapes, file.crs)])
    land = land[~shapely.is_empty(land)]
    return shapely.buffer(land, request.cutting.coast / pixel_size(scene))


def _filter(
    scene: Scene | MappedScene,
    shapes: Shapes,
    labels: PolygonLabels,
    coast: Shapes,
    found: dict[int, Placed],
    request: Request,
    counts: collections.Counter[str],
) -> dict[int, Placed]:
    """Drops patches without data, near land or undecided; strip by strip."""
    keep = {size: np.zeros(len(placed), np.bool_) for size, placed in found.items()}
    rasters = request.labelling.kind == "chart_rasters"
    for top in range(0, scene.rows, _STRIP):
        chosen = {
            size: np.flatnonzero((placed.row >= top) & (placed.row < top + _STRIP))
            for size, placed in found.items()
        }
        window = _around({s: found[s].where(numbers) for s, numbers in chosen.items()})
        if window is None:
            continue
        bad = {NO_DATA: ~scene.read_valid(window)}
        if len(coast):
            bad[NEAR_COAST] = polygon_raster(coast, window) >= 0
        if rasters:
            polygon = polygon_raster(shapes, window)
            sic = np.append(labels.rasters["sic"], sigrid3.UNKNOWN)[polygon]
            bad[UNDECIDED] = sic == sigrid3.UNKNOWN
        for size, numbers in chosen.items():
            row = found[size].row[numbers] - window.row
            col = found[size].col[numbers] - window.col
            good = np.ones(len(numbers), np.bool_)
            for reason, mask in bad.items():
                most = 0.0
                if reason == UNDECIDED:
                    most = (1 - request.cutting.known) * size**2
                fails = count_in_patches(mask, row, col, size=size) > most
                counts[reason] += int((good & fails).sum())
                good &= ~fails
            keep[size][numbers] = good
    return {size: placed.where(keep[size]) for size, placed in found.items()}


def _around(patches: dict[int, Placed]) -> PixelWindow | None:
    """Returns the smallest window that holds patches; none if there are none."""
    there = {size: placed for size, placed in patches.items() if len(placed)}
    if not there:
        return None
    row = min(int(placed.row.min()) for placed in there.values())
    col = min(int(placed.col.min()) for placed in there.values())
    return PixelWindow(
        row=row,
        col=col,
        rows=max(int(p.row.max()) + size for size, p in there.items()) - row,
        cols=max(int(p.col.max()) + size for size, p in there.items()) - col,
    )
