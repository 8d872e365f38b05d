"""The work folder of a build: where each step leaves what the next one needs.

    catalogue.json            the products of each tile and date, and what is not used
    series/<tile>.json        the products of the tile, by date
    counts/<tile>.json        pass 1: candidates of each class
    allocation.csv            how many samples each class has in each tile
    samples/<tile>.npz        pass 2: the samples
    blocks/<tile>/<block>.npy values of a block's samples at all dates; beside it the
                              samples (.samples.npz) and a receipt (.json)
    plan.json                 what all of it was made from

Every file appears whole or not at all and depends on the plan alone, so an interrupted
build goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from typing import IO, Any

import fsspec
import numpy as np
import numpy.typing as npt

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.sensors.sentinel2 import BandImage, Product
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries


@dataclasses.dataclass(frozen=True)
class WorkFolder:
    """Names of the files of a build.

    Attributes:
        path: The folder, a path or an URL that this machine and all workers can reach.
    """

    path: str

    def file(self, *names: str) -> str:
        """Returns the path of a file in the folder."""
        return "/".join([self.path.rstrip("/"), *names])

    def series(self, tile: str) -> str:
        """File of the observations of a tile."""
        return self.file("series", f"{tile}.json")

    def counts(self, tile: str) -> str:
        """File of what pass 1 counted in a tile."""
        return self.file("counts", f"{tile}.json")

    def samples(self, tile: str) -> str:
        """File of the samples of a tile."""
        return self.file("samples", f"{tile}.npz")

    def block(self, tile: str, pixel: int, row: int, col: int) -> str:
        """File of the values of a block of the bands of ``pixel`` metres."""
        return self.file("blocks", tile, f"{pixel}m_{row:02d}_{col:02d}.npy")

    def samples_of_block(self, tile: str, pixel: int, row: int, col: int) -> str:
        """File of the samples of a block, in the order of its values."""
        return self.file("blocks", tile, f"{pixel}m_{row:02d}_{col:02d}.samples.npz")

    def receipt(self, tile: str, pixel: int, row: int, col: int) -> str:
        """File that says that a block has been extracted, and how it went."""
        return self.file("blocks", tile, f"{pixel}m_{row:02d}_{col:02d}.json")


# Files ---------------------------------------------------------------------------


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """Opens a file that appears under its name only once it is complete."""
    if "://" in path:
        with tempfile.TemporaryFile() as spool:
            yield spool
            spool.seek(0)
            _upload(spool, path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{uuid.uuid4().hex}.incomplete"
    try:
        with open(temporary, "wb") as local:
            yield local
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def _upload(content: IO[bytes], path: str) -> None:
    """Writes an object, which appears when it is complete."""
    filesystem, name = fsspec.core.url_to_fs(path)
    file = filesystem.open(name, "wb", autocommit=False)
    try:
        shutil.copyfileobj(content, file, 1 << 20)
        file.close()
    except BaseException:
        file.discard()
        raise
    file.commit()


def exists(path: str) -> bool:
    """Says whether there is a file."""
    filesystem, name = fsspec.core.url_to_fs(path)
    return bool(filesystem.exists(name))


def write_json(path: str, content: Any) -> None:  # noqa: ANN401 - what JSON holds.
    """Writes a JSON file."""
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")


def read_json(path: str) -> Any:  # noqa: ANN401 - what JSON holds.
    """Reads a JSON file."""
    with fsspec.open(path, "rb") as file:
        return json.load(file)


def write_arrays(path: str, arrays: Mapping[str, npt.NDArray]) -> None:
    """Writes arrays of numbers or bytes under their names."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    with whole_file(path) as file:
        file.write(buffer.getvalue())


def read_arrays(path: str) -> dict[str, npt.NDArray]:
    """Reads what `write_arrays` wrote."""
    with fsspec.open(path, "rb") as file, np.load(io.BytesIO(file.read())) as arrays:
        return {name: arrays[name] for name in arrays.files}


# Series --------------------------------------------------------------------------


def write_series(path: str, series: TileSeries) -> None:
    """Writes the observations of a tile."""
    content = dataclasses.asdict(series)
    for observation in content["observations"]:
        for product in observation["products"]:
            del product["grid"]
            product["sensed"] = product["sensed"].isoformat()
    write_json(path, content)


def read_series(path: str) -> TileSeries:
    """Reads what `write_series` wrote."""
    content = read_json(path)
    grid = TileGrid(**content["grid"])
    return TileSeries(
        grid=grid,
        observations=tuple(
            Observation(
                date=observation["date"],
                products=tuple(
                    _product(product, grid) for product in observation["products"]
                ),
            )
            for observation in content["observations"]
        ),
    )


def _product(content: dict[str, Any], grid: TileGrid) -> Product:
    return Product(
        **content
        | {
            "grid": grid,
            "sensed": datetime.datetime.fromisoformat(content["sensed"]),
            "bands": tuple(BandImage(**band) for band in content["bands"]),
        }
    )
