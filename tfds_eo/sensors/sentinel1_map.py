"""A Sentinel-1 scene put onto a map, without terrain.

Each pixel of the map is the mean, in linear power, of the sensor's pixels nearest to
k x k points in it, where k is the ratio of the pixel sizes: at 40 m a value is that of
one pixel of an EW scene, at 80 m the mean of four. Places are those of the product's
tie points, which lie on the ellipsoid over sea; over land they are off by the height.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from tfds_eo.geo.grid import MapGrid, PixelWindow, grid_around
from tfds_eo.geo.scene_polygons import Shapes
from tfds_eo.sensors.sentinel1 import Scene, SceneImage
from tfds_eo.sensors.sentinel1_channel import to_decibels

Floats = npt.NDArray[np.float64]

_NODE_STEP = 16  # Pixels between places that are computed; in between it is linear.


class MappedScene:
    """A scene seen as pixels of a map; it has the attributes and methods of `Scene`.

    Attributes:
        scene: The scene.
        grid: The pixels of the map.
    """

    def __init__(self, scene: Scene, *, crs: str, resolution: float) -> None:
        """Puts a scene onto the smallest grid that holds it.

        Args:
            scene: The scene.
            crs: A projected CRS in metres, such as ``EPSG:3413``.
            resolution: Pixel size in metres.

        Raises:
            ValueError: If ``crs`` is not projected in metres.
        """
        row = np.linspace(-0.5, scene.rows - 0.5, 200)
        col = np.linspace(-0.5, scene.cols - 0.5, 200)
        edges = [
            scene.locate(row, -0.5),
            scene.locate(row, scene.cols - 0.5),
            scene.locate(-0.5, col),
            scene.locate(scene.rows - 0.5, col),
        ]
        self.scene = scene
        self.grid: MapGrid = grid_around(
            np.concatenate([longitude for longitude, _ in edges]),
            np.concatenate([latitude for _, latitude in edges]),
            crs=crs,
            resolution=resolution,
        )
        self.name = scene.name
        self.path = scene.path
        self.start = scene.start
        self.denoised = scene.denoised
        self.simulated = scene.simulated
        self.rows, self.cols = self.grid.rows, self.grid.cols
        self.row_spacing = self.col_spacing = resolution
        self._points = max(round(resolution / scene.col_spacing), 1)

    @property
    def window(self) -> PixelWindow:
        """The whole map."""
        return PixelWindow(row=0, col=0, rows=self.rows, cols=self.cols)

    def read(self, window: PixelWindow, *, boxcar: int = 1) -> SceneImage:
        """Reads a window of the map; as `Scene.read`.

        The boxcar filter works on the sensor's pixels, before they are put onto the
        map. Outside the scene all channels are NaN.
        """
        planes = np.full((3, window.rows, window.cols), np.nan, np.float32)
        row, col, source = self._source(window)
        if source.rows and source.cols:
            power = self.scene.read_power(source, boxcar=boxcar)
            angle = self.scene.read_angle(source)
            at = (row - source.row, col - source.col)
            known = row >= 0
            bands = (power[:, :, 0], power[:, :, 1], angle)
            for plane, band in zip(planes, bands, strict=True):
                values = np.full(row.shape, np.nan, np.float32)
                values[known] = band[at[0][known], at[1][known]]
                plane[:] = self._mean(values)
        floored = to_decibels(planes[0]), to_decibels(planes[1])
        return SceneImage(image=np.moveaxis(planes, 0, -1), floored=floored)

    def read_valid(self, window: PixelWindow) -> npt.NDArray[np.bool_]:
        """Returns where both polarisations have data; as `Scene.read_valid`."""
        row, col, source = self._source(window)
        if not (source.rows and source.cols):
            return np.zeros((window.rows, window.cols), np.bool_)
        valid = self.scene.read_valid(source)
        found = np.zeros(row.shape, np.float32)
        known = row >= 0
        found[known] = valid[row[known] - source.row, col[known] - source.col]
        return self._mean(np.where(found > 0, found, np.nan)) > 0

    def locate(self, row: npt.ArrayLike, col: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Returns longitude and latitude of pixels of the map, in degrees."""
        grid = self.grid
        x = grid.left + (np.asarray(col, np.float64) + 0.5) * grid.resolution
        y = grid.top - (np.asarray(row, np.float64) + 0.5) * grid.resolution
        to_earth = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
        x, y = np.broadcast_arrays(x, y)
        longitude, latitude = to_earth.transform(x, y)
        return np.asarray(longitude), np.asarray(latitude)

    def place(self, shapes: Shapes, crs: str) -> Shapes:
        """Puts polygons onto the pixels of the map; as `Scene.place`."""
        grid = self.grid
        to_map = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True)

        def to_pixels(xy: Floats) -> Floats:
            x, y = to_map.transform(xy[:, 0], xy[:, 1])
            col = (np.asarray(x) - grid.left) / grid.resolution
            return np.c_[col, (grid.top - np.asarray(y)) / grid.resolution]

        step = 0.02 if pyproj.CRS.from_user_input(crs).is_geographic else 2000.0
        placed = shapely.transform(shapely.segmentize(shapes, step), to_pixels)
        image = shapely.box(0, 0, self.cols, self.rows)
        placed[~shapely.intersects(placed, image)] = shapely.Polygon()
        return placed

    def _mean(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns means of the known of k x k points; NaN where fewer than half are."""
        k = self._points
        if k == 1:
            return values
        blocks = values.reshape(values.shape[0] // k, k, values.shape[1] // k, k)
        known = np.isfinite(blocks)
        count = known.sum(axis=(1, 3))
        total = np.where(known, blocks, 0).sum(axis=(1, 3), dtype=np.float64)
        mean = np.full(count.shape, np.nan, np.float32)
        enough = 2 * count >= k * k
        mean[enough] = total[enough] / count[enough]
        return mean

    def _source(
        self, window: PixelWindow
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], PixelWindow]:
        """Returns the sensor's pixel of each point, -1 outside, and a window of all."""
        at_row, at_col = (np.rint(place) for place in self._places(window))
        inside = (at_row >= 0) & (at_row < self.scene.rows)
        inside &= (at_col >= 0) & (at_col < self.scene.cols)
        row = np.where(inside, at_row, -1).astype(np.int64)
        col = np.where(inside, at_col, -1).astype(np.int64)
        if not inside.any():
            return row, col, PixelWindow(row=0, col=0, rows=0, cols=0)
        first_row, first_col = int(row[inside].min()), int(col[inside].min())
        source = PixelWindow(
            row=first_row,
            col=first_col,
            rows=int(row.max()) - first_row + 1,
            cols=int(col.max()) - first_col + 1,
        )
        return row, col, source

    def _places(self, window: PixelWindow) -> tuple[Floats, Floats]:
        """Returns row and column in the scene of k x k points in each pixel."""
        k = self._points
        row = window.row - 0.5 + (np.arange(window.rows * k) + 0.5) / k
        col = window.col - 0.5 + (np.arange(window.cols * k) + 0.5) / k
        node_row, by_row = _nodes(row)
        node_col, by_col = _nodes(col)
        at = self.scene.tie_points.find(*self.locate(node_row[:, None], node_col[None]))
        return by_row @ at[0] @ by_col.T, by_row @ at[1] @ by_col.T


def _nodes(at: Floats) -> tuple[Floats, Floats]:
    """Returns places at most `_NODE_STEP` apart, and weights that interpolate them."""
    count = max(int(np.ceil((at[-1] - at[0]) / _NODE_STEP)), 1) + 1
    nodes = np.linspace(at[0], max(at[-1], at[0] + 1e-3), count)
    before = np.clip(np.searchsorted(nodes, at, "right") - 1, 0, count - 2)
    share = (at - nodes[before]) / (nodes[before + 1] - nodes[before])
    weights = np.zeros((len(at), count))
    weights[np.arange(len(at)), before] = 1 - share
    weights[np.arange(len(at)), before + 1] = share
    return nodes, weights
