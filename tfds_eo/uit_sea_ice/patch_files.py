"""Patches in files: stacks of them in arrays, or one file for each."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np
import numpy.typing as npt

from tfds_eo.archives import arrays, rasters
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.inventory import FolderRef


@dataclasses.dataclass(frozen=True)
class Stack:
    """Patches that lie in one array, or in one array for each channel.

    Attributes:
        refs: The arrays.
        axes: What each axis is: N patch, H row, W column, C channel; without C where
            each array is a channel.
    """

    refs: tuple[ArrayRef, ...]
    axes: str

    @property
    def name(self) -> str:
        """Name of the arrays for messages."""
        return " + ".join(ref.name for ref in self.refs)

    def __len__(self) -> int:
        return self.refs[0].shape[self.axes.index("N")]

    def as_npy(self, cache: pathlib.Path) -> Stack:
        """Returns the same patches in files of which any part is read at once."""
        refs = tuple(arrays.as_npy(ref, cache) for ref in self.refs)
        return dataclasses.replace(self, refs=refs)

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray:
        """Returns the patches ``rows``, ``[patches, size, size, channels]``."""
        wanted = "NHWC" if "C" in self.axes else "NHW"
        order = [self.axes.index(axis) for axis in wanted]
        found = [_mapped(ref).transpose(order)[rows] for ref in self.refs]
        return np.stack(found, axis=-1) if wanted == "NHW" else found[0]


@dataclasses.dataclass(frozen=True)
class Files:
    """Patches that lie in a file each.

    Attributes:
        folder: Folder as the user knows it; its last part may be a class.
        paths: The files.
        axes: What each axis is: H row, W column, C channel.
        container: How the files are read.
    """

    folder: str
    paths: tuple[str, ...]
    axes: str
    container: str

    @property
    def name(self) -> str:
        """Name of the folder for messages."""
        return f"{self.folder}/"

    def __len__(self) -> int:
        return len(self.paths)

    def as_npy(self, cache: pathlib.Path) -> Files:
        """Returns itself: each file is read by itself anyway."""
        del cache
        return self

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray:
        """Returns the patches ``rows``, ``[patches, size, size, channels]``.

        Raises:
            ValueError: If a file cannot be read or differs in shape from the first.
        """
        found = [self._read(self.paths[row]) for row in rows.tolist()]
        shapes = {patch.shape for patch in found}
        if len(shapes) > 1:
            odd = next(
                path
                for path, patch in zip(
                    (self.paths[row] for row in rows.tolist()), found, strict=True
                )
                if patch.shape != found[0].shape
            )
            raise ValueError(
                f"files of {self.name} must have one shape; got {sorted(shapes)}, the"
                f" first odd one is {pathlib.Path(odd).name!r}"
            )
        order = [self.axes.index(axis) for axis in "HWC"]
        return np.stack(found).transpose(0, *[axis + 1 for axis in order])

    def _read(self, path: str) -> npt.NDArray:
        name = f"{self.folder}/{pathlib.Path(path).name}"
        if self.container == "raster":
            raster = rasters.list_raster(path, name)
            return rasters.read_window(raster, 0, 0, raster.rows, raster.cols)
        (ref,) = arrays.list_arrays(pathlib.Path(path), name, pathlib.Path())
        return np.asarray(arrays.read_array(ref))


Patches = Stack | Files


def files_of(folder: FolderRef, axes: str) -> Files:
    """Returns the patches of a folder."""
    return Files(
        folder=folder.file,
        paths=tuple(str(pathlib.Path(folder.path) / name) for name in folder.names),
        axes=axes,
        container=folder.first.container,
    )


def axes_of(shape: tuple[int, ...], size: int, letters: str) -> list[str]:
    """Returns every order of axes that a shape may have; H stands before W.

    Args:
        shape: Shape of an array.
        size: Height and width of a patch.
        letters: The axes that there are, of N, H, W and C; C is 2 or 3 long.
    """
    if len(shape) != len(letters):
        return []
    found: list[str] = []

    def place(order: str) -> None:
        at = len(order)
        if at == len(shape):
            found.append(order)
            return
        for letter in letters:
            fits = (
                letter not in order
                and (letter not in "HW" or shape[at] == size)
                and (letter != "C" or shape[at] in (2, 3))
                and (letter != "W" or "H" in order)
            )
            if fits:
                place(order + letter)

    place("")
    return found


@functools.lru_cache(maxsize=8)
def _mapped(ref: ArrayRef) -> npt.NDArray:
    return arrays.read_array(ref)
