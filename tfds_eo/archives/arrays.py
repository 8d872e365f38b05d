"""Arrays in files: what they are called, how large they are, and their values.

Everything is listed before it is read, and nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import uuid
from typing import Any

import numpy as np
import numpy.typing as npt

from tfds_eo.archives import hdf5, matlab, stacks, zips
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.limits import LIMITS, Limits

PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")
"""Endings of files that run code when they are loaded; they are never opened."""


def list_npy(
    path: pathlib.Path, file: str, key: str = "", *, limits: Limits = LIMITS
) -> ArrayRef:
    """Reads the header of a .npy file.

    Raises:
        ValueError: If it is none, holds Python objects (a pickle), or is shorter than
            its header states.
    """
    name = f"{file}:{key}" if key else file
    try:
        with open(path, "rb") as source:
            version = np.lib.format.read_magic(source)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise ValueError(f"its version {version} is not known")
            shape, _, dtype = read(source)
            start = source.tell()
    except (ValueError, EOFError, SyntaxError) as error:
        raise ValueError(f"{name} must be a .npy array; {error}") from error
    if dtype.hasobject:
        raise ValueError(
            f"{name} must be an array of numbers or text; it holds Python objects, a"
            " pickle, which can run code when it is loaded: save it again as numbers"
            " or as text of a fixed length"
        )
    ref = ArrayRef(file, key, shape, dtype.str, str(path), "npy")
    if path.stat().st_size - start < ref.bytes:
        raise ValueError(
            f"{name} must hold {ref.bytes:,} bytes for {ref.dtype} {shape}; it has"
            f" {path.stat().st_size - start:,}: the file is cut short"
        )
    limits.check(name, inflated=ref.bytes, stored=ref.bytes)
    return ref


def list_arrays(
    path: pathlib.Path,
    file: str,
    cache: pathlib.Path,
    *,
    limits: Limits = LIMITS,
) -> list[ArrayRef]:
    """Lists the arrays of a .npy, .npz, .h5, .hdf5, .mat, .tif or .tiff file.

    Args:
        path: The file.
        file: Its name for the user.
        cache: Folder to which archives are unpacked.
        limits: What a member may inflate to.

    Raises:
        ValueError: If the file cannot be read, or an array in it is refused.
    """
    ending = path.suffix.lower()
    if ending == ".npy":
        return [list_npy(path, file, limits=limits)]
    if ending == ".npz":
        folder = zips.unpack(path, cache, limits=limits)
        return [
            list_npy(
                member, file, member.relative_to(folder).with_suffix("").as_posix()
            )
            for member in sorted(folder.rglob("*.npy"))
        ]
    if ending in (".h5", ".hdf5"):
        return hdf5.list_hdf5(path, file, limits=limits)
    if ending == ".mat":
        return matlab.list_mat(path, file, limits=limits)
    if ending in (".tif", ".tiff"):
        return stacks.list_tiff(path, file, limits=limits)
    raise ValueError(
        f"{file} must be a .npy, .npz, .h5, .hdf5, .mat, .tif or .tiff file"
    )


def read_array(ref: ArrayRef) -> npt.NDArray[Any]:
    """Returns the values of an array; a .npy file is mapped, not loaded.

    Raises:
        ValueError: If the array is no longer what was listed.
    """
    if ref.container == "npy":
        found = np.load(ref.path, mmap_mode="r", allow_pickle=False)
    elif ref.container in ("hdf5", "mat73"):
        found = hdf5.read_hdf5(ref)
    elif ref.container == "mat":
        found = matlab.read_mat(ref)
    else:
        found = stacks.read_tiff(ref)
    if found.shape != ref.shape:
        raise ValueError(
            f"{ref.name} must have the shape {ref.shape} that was listed; it has"
            f" {found.shape}: it was changed while it was being read"
        )
    return found


def as_npy(ref: ArrayRef, cache: pathlib.Path) -> ArrayRef:
    """Returns the same array in a .npy file, which any part of is read at once.

    An array that is compressed as a whole would else be inflated again for each shard.

    Args:
        ref: The array.
        cache: Folder for the file; it must be one that all workers can reach.
    """
    if ref.container == "npy":
        return ref
    status = os.stat(ref.path)
    stamp = (
        f"{os.path.abspath(ref.path)}/{ref.key}/{status.st_size}/{status.st_mtime_ns}"
    )
    mark = hashlib.sha256(stamp.encode()).hexdigest()[:12]
    path = cache / f"{pathlib.Path(ref.path).name}.{mark}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        temporary = cache / f"incomplete.{uuid.uuid4().hex}.npy"
        try:
            np.save(temporary, read_array(ref), allow_pickle=False)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return dataclasses.replace(
        list_npy(path, ref.file, ref.key), file=ref.file, key=ref.key
    )
