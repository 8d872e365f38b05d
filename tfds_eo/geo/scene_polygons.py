"""Polygons of any file and CRS, put onto the pixels of a scene.

In pixels of the scene, x counts columns and y rows, and (0, 0) is the upper-left corner
of the first pixel. A pixel belongs to a polygon if its centre does.
"""

from __future__ import annotations

import dataclasses
import pathlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import rasterio.errors
import rasterio.features
import shapely
from rasterio.transform import Affine

from tfds_eo.geo.geocoding import TiePoints
from tfds_eo.geo.grid import PixelWindow

Shapes = npt.NDArray[np.object_]
"""Shapely geometries."""

_STEP_METRES = 2000.0  # Straight lines of a map become curves in a scene: follow them.
_STEP_DEGREES = 0.02
_BEYOND = 256.0  # How far around a scene polygons are kept, in pixels.


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PolygonFile:
    """The polygons of a file.

    Attributes:
        path: Where they were read.
        crs: Their CRS, as WKT or authority code.
        shapes: Their geometries, valid ones.
        fields: Values of each field, by name.
        mended: How many geometries were invalid and were made valid.
    """

    path: str
    crs: str
    shapes: Shapes
    fields: dict[str, list[object]]
    mended: int


def read_polygons(path: str | pathlib.Path) -> PolygonFile:
    """Reads all polygons of a file that pyogrio (GDAL) can read.

    Features without geometry keep their number and are empty.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it states no CRS, or holds other things than polygons.
    """
    path = str(path)
    try:
        meta, _, wkb, columns = pyogrio.raw.read(path, datetime_as_string=True)
    except pyogrio.errors.DataSourceError as error:
        raise OSError(f"polygon file {path!r} cannot be read: {error}") from error
    if not meta["crs"]:
        raise ValueError(
            f"polygon file {path!r} must state its CRS; it does not: for a shapefile,"
            " add its .prj file"
        )
    shapes = shapely.from_wkb(wkb)
    shapes[shapely.is_missing(shapes)] = shapely.Polygon()
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))  # Polygon, MultiPolygon.
    if not (areal | shapely.is_empty(shapes)).all():
        kinds = sorted({shape.geom_type for shape in shapes[~areal]})
        raise ValueError(
            f"polygon file {path!r} must hold polygons; it holds {', '.join(kinds)}"
        )
    wrong = ~shapely.is_valid(shapes)
    shapes[wrong] = _polygons_only(shapely.make_valid(shapes[wrong]))
    return PolygonFile(
        path=path,
        crs=meta["crs"],
        shapes=shapes,
        fields={
            name: values.tolist()
            for name, values in zip(meta["fields"].tolist(), columns, strict=True)
        },
        mended=int(wrong.sum()),
    )


def put_onto_scene(
    shapes: Shapes, crs: str, tie_points: TiePoints, *, rows: int, cols: int
) -> Shapes:
    """Returns polygons in pixels of a scene; empty ones where they miss it.

    Edges are followed in steps of 2 km (0.02 degrees). What lies far outside the scene
    is cut off, at least 256 pixels away from it.

    Args:
        shapes: Polygons in ``crs``.
        crs: Their CRS.
        tie_points: Where pixels of the scene lie.
        rows: Number of rows of the scene.
        cols: Number of columns of the scene.
    """
    centre = tie_points.locate((rows - 1) / 2, (cols - 1) / 2)
    local = pyproj.CRS.from_proj4(
        f"+proj=aeqd +lon_0={float(centre[0])} +lat_0={float(centre[1])} +ellps=WGS84"
    )
    geographic = pyproj.CRS.from_user_input(crs).is_geographic
    dense = shapely.segmentize(shapes, _STEP_DEGREES if geographic else _STEP_METRES)
    to_local = pyproj.Transformer.from_crs(crs, local, always_xy=True)
    around = _transformed(dense, lambda x, y: to_local.transform(x, y))
    edge_rows, edge_cols = _outline(rows, cols, _BEYOND)
    from_earth = pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)
    frame = shapely.Polygon(
        np.c_[from_earth.transform(*tie_points.locate(edge_rows, edge_cols))]
    )
    inside = _polygons_only(shapely.intersection(_valid(around), frame.buffer(0)))
    to_earth = pyproj.Transformer.from_crs(local, "EPSG:4326", always_xy=True)

    def to_pixels(x: npt.NDArray, y: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
        row, col = tie_points.find(*to_earth.transform(x, y))
        return col + 0.5, row + 0.5

    placed = _valid(_transformed(inside, to_pixels))
    image = shapely.box(0, 0, cols, rows)
    placed[~shapely.intersects(placed, image)] = shapely.Polygon()
    return placed


def erode(shapes: Shapes, margin: float) -> Shapes:
    """Moves the edges of polygons inwards, with sharp corners, in their own units."""
    if margin == 0:
        return shapes
    return shapely.buffer(shapes, -margin, join_style="mitre")


def pixels_inside(shape: shapely.Geometry, window: PixelWindow) -> npt.NDArray:
    """Returns which pixel centres of a window lie in a polygon, ``[rows, cols]``."""
    if shape.is_empty:
        return np.zeros((window.rows, window.cols), np.bool_)
    return burn([(shape, 1)], window, fill=0, dtype="uint8").astype(np.bool_)


def burn(
    shapes: Sequence[tuple[shapely.Geometry, int]],
    window: PixelWindow,
    *,
    fill: int,
    dtype: str,
) -> npt.NDArray:
    """Writes the number of each polygon to the pixels whose centres it holds.

    Args:
        shapes: Polygons in pixels with their numbers; where they overlap, the later one
            is taken.
        window: The pixels, ``[rows, cols]`` of the result.
        fill: What stands where no polygon is.
        dtype: Of the result.
    """
    with warnings.catch_warnings():
        # Pixels are our coordinates; that they are on no map is no mistake.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        return rasterio.features.rasterize(
            shapes,
            out_shape=(window.rows, window.cols),
            transform=Affine.translation(window.col, window.row),
            fill=fill,
            dtype=dtype,
        )


def window_around(shape: shapely.Geometry, *, rows: int, cols: int) -> PixelWindow:
    """Returns the pixels of a scene that a polygon can reach; none if it is empty."""
    if shape.is_empty:
        return PixelWindow(row=0, col=0, rows=0, cols=0)
    left, top, right, bottom = np.clip(shape.bounds, -1, max(rows, cols) + 1)
    row, col = int(np.floor(top)), int(np.floor(left))
    return PixelWindow(
        row=row,
        col=col,
        rows=int(np.ceil(bottom)) - row,
        cols=int(np.ceil(right)) - col,
    ).within(rows, cols)


def _transformed(
    shapes: Shapes,
    function: Callable[[npt.NDArray, npt.NDArray], tuple[npt.NDArray, npt.NDArray]],
) -> Shapes:
    """Moves all vertices; polygons with a vertex that gets nowhere become empty."""

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.c_[function(xy[:, 0], xy[:, 1])] if len(xy) else xy

    moved = shapely.transform(shapes, move)
    vertices, owner = shapely.get_coordinates(moved, return_index=True)
    lost = np.unique(owner[~np.isfinite(vertices).all(axis=1)])
    moved[lost] = shapely.Polygon()
    return moved


def _valid(shapes: Shapes) -> Shapes:
    wrong = ~shapely.is_valid(shapes)
    shapes[wrong] = _polygons_only(shapely.make_valid(shapes[wrong]))
    return shapes


def _polygons_only(shapes: Shapes) -> Shapes:
    """Leaves out lines and points that mending or cutting has made."""
    kept = np.array(shapes, object)
    for number, shape in enumerate(kept):
        if shape.geom_type not in ("Polygon", "MultiPolygon"):
            parts = [
                part
                for part in shapely.get_parts(shape)
                if part.geom_type in ("Polygon", "MultiPolygon")
            ]
            kept[number] = shapely.union_all(parts) if parts else shapely.Polygon()
    return kept


def _outline(rows: int, cols: int, beyond: float) -> tuple[npt.NDArray, npt.NDArray]:
    """Returns rows and columns of points around an image, outside of it."""
    share = np.linspace(0, 1, 50)[:-1]
    row = np.r_[0 * share, share, 0 * share + 1, 1 - share]
    col = np.r_[share, 0 * share + 1, 1 - share, 0 * share]
    return (
        -beyond + row * (rows - 1 + 2 * beyond),
        -beyond + col * (cols - 1 + 2 * beyond),
    )
