"""How a scene is looked at: in its own geometry or on a map, filtered or not."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import shapely

from tfds_eo.geo.scene_polygons import PolygonFile, Shapes, read_polygons
from tfds_eo.sensors.sentinel1 import Scene, open_scene
from tfds_eo.sensors.sentinel1_channel import NoisePolicy
from tfds_eo.sensors.sentinel1_map import MappedScene


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """A scene and how it is read.

    Attributes:
        path: SAFE folder or zip.
        noise: Whether a product without noise tables may be read.
        boxcar: Width of the filter against speckle; 1 for none.
        crs: Map that the scene is put onto; none keeps the sensor's geometry, so that
            no pixel is resampled.
        resolution: Pixel size on the map in metres.
    """

    path: str
    noise: NoisePolicy = "required"
    boxcar: int = 1
    crs: str | None = None
    resolution: float = 40.0


@functools.lru_cache(maxsize=2)
def open_view(view: View) -> Scene | MappedScene:
    """Opens a scene as a view says; the last two stay open in each process."""
    scene = open_scene(view.path, noise=view.noise)
    if view.crs is None:
        return scene
    return MappedScene(scene, crs=view.crs, resolution=view.resolution)


@functools.lru_cache(maxsize=2)
def place_polygons(view: View, path: str) -> tuple[PolygonFile, Shapes]:
    """Reads polygons and puts them onto the pixels of a view.

    Polygons whose field ``scene`` names another product do not belong to it: they are
    empty, as those that miss the scene.
    """
    scene = open_view(view)
    file = read_polygons(path)
    shapes = scene.place(file.shapes, file.crs)
    names = {name.lower(): name for name in file.fields}
    if "scene" in names:
        of_scene = [
            str(value or "") in ("", scene.name)
            for value in file.fields[names["scene"]]
        ]
        for number in np.flatnonzero(~np.array(of_scene, bool)):
            shapes[number] = shapely.Polygon()
    return file, shapes


def pixel_size(scene: Scene | MappedScene) -> float:
    """Returns the width of a pixel in metres, the mean of both directions."""
    return float(np.sqrt(scene.row_spacing * scene.col_spacing))
