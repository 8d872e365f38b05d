"""Arrays of HDF5 files, among them MATLAB's since version 7.3.

A link to another file, or values stored in one, is refused: such a file can show the
contents of any other file of the machine.
"""

from __future__ import annotations

import pathlib
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.limits import LIMITS, Limits


def list_hdf5(
    path: pathlib.Path, file: str, *, matlab: bool = False, limits: Limits = LIMITS
) -> list[ArrayRef]:
    """Lists the arrays of a file, by name.

    Args:
        path: The file.
        file: Its name for the user.
        matlab: Whether MATLAB wrote it: then axes are listed in MATLAB's order, and
            characters as text.
        limits: What an array may inflate to.

    Raises:
        ValueError: If the file is no HDF5, leads to another file, or holds objects.
    """
    try:
        source = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{file} must be an HDF5 file; {error}") from error
    with source:
        found: list[ArrayRef] = []
        _walk(source, file, "", found, path, matlab, limits)
    return found


def _walk(
    group: h5py.Group,
    file: str,
    prefix: str,
    found: list[ArrayRef],
    path: pathlib.Path,
    matlab: bool,
    limits: Limits,
) -> None:
    for name in group:
        key = f"{prefix}{name}"
        if matlab and key.startswith("#"):
            continue  # MATLAB keeps the contents of cells and its own notes there.
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(
                f"{file}:{key} must be an array; it is a link, which may lead to"
                " another file: copy what it leads to into the file"
            )
        item = group[name]
        if isinstance(item, h5py.Group):
            _walk(item, file, f"{key}/", found, path, matlab, limits)
        elif isinstance(item, h5py.Dataset):
            found.append(_ref(item, file, key, path, matlab, limits))


def _ref(
    item: h5py.Dataset,
    file: str,
    key: str,
    path: pathlib.Path,
    matlab: bool,
    limits: Limits,
) -> ArrayRef:
    name = f"{file}:{key}"
    if item.is_virtual or item.external:
        raise ValueError(f"{name} must lie in the file itself; it lies in another file")
    text = h5py.check_string_dtype(item.dtype)
    if item.dtype.hasobject and (text is None or matlab):
        raise ValueError(
            f"{name} must be an array of numbers or text; it holds objects"
            f" ({'a cell array' if matlab else item.dtype}), which are not read: save"
            " it again as numbers or as characters of a fixed length"
        )
    shape = item.shape or ()
    width = 64 if item.dtype.hasobject else max(1, item.dtype.itemsize)
    limits.check(
        name,
        inflated=int(np.prod(shape, dtype=object)) * width if shape else width,
        stored=item.id.get_storage_size(),
    )
    if not matlab:
        dtype = "S" if item.dtype.hasobject else item.dtype.str
        return ArrayRef(file, key, shape, dtype, str(path), "hdf5")
    shape = shape[::-1]
    if _is_text(item):
        width = item.shape[0]
        return ArrayRef(file, key, shape[:1], f"<U{width}", str(path), "mat73")
    return ArrayRef(file, key, shape, item.dtype.str, str(path), "mat73")


def _is_text(item: h5py.Dataset) -> bool:
    return item.attrs.get("MATLAB_class") == b"char" and item.ndim == 2


def read_hdf5(ref: ArrayRef) -> npt.NDArray[Any]:
    """Returns the values of an array that `list_hdf5` has listed."""
    with h5py.File(ref.path, "r") as source:
        item = source[ref.key]
        values = item[()]
        if ref.container == "hdf5":
            return values.astype("S") if values.dtype.hasobject else values
        if not _is_text(item):
            return np.ascontiguousarray(values.T)
        rows = values.T.astype(np.uint32)
        return np.array(["".join(map(chr, row)).rstrip("\0 ") for row in rows])
