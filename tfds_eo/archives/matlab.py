"""Arrays of MATLAB files, versions 4 to 7.3.

A file of version 5 to 7 is a chain of elements, each deflated by itself; how far each
inflates is found before SciPy is let near it.
"""

from __future__ import annotations

import pathlib
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.io

from tfds_eo.archives import hdf5
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.limits import LIMITS, Limits

_HEADER = 128
_COMPRESSED = 15
_CHUNK = 1 << 20

_DTYPES = {
    "double": "<f8",
    "single": "<f4",
    "logical": "|u1",
    **{f"int{bits}": np.dtype(f"int{bits}").str for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": np.dtype(f"uint{bits}").str for bits in (8, 16, 32, 64)},
}


def list_mat(
    path: pathlib.Path, file: str, *, limits: Limits = LIMITS
) -> list[ArrayRef]:
    """Lists the arrays of a file, by name.

    Raises:
        ValueError: If the file is no MATLAB file, inflates beyond the limits, or holds
            cells, structures or objects.
    """
    with open(path, "rb") as source:
        head = source.read(520)
    if head[512:520] == b"\x89HDF\r\n\x1a\n":
        return hdf5.list_hdf5(path, file, matlab=True, limits=limits)
    try:
        if head[124:128][2:] in (b"IM", b"MI"):
            _check_elements(path, file, limits)
        variables = scipy.io.whosmat(path)
    except ValueError:
        raise
    except Exception as error:  # SciPy raises many kinds on damaged files.
        raise ValueError(f"{file} must be a MATLAB file; {error}") from error
    return [
        _ref(path, file, key, shape, kind, limits) for key, shape, kind in variables
    ]


def _ref(
    path: pathlib.Path,
    file: str,
    key: str,
    shape: tuple[int, ...],
    kind: str,
    limits: Limits,
) -> ArrayRef:
    if kind == "char":
        return ArrayRef(file, key, tuple(shape), "<U", str(path), "mat")
    if kind not in _DTYPES:
        raise ValueError(
            f"{file}:{key} must be an array of numbers or characters; it is of class"
            f" {kind!r}, whose objects are not read: save it again as a matrix, names"
            " as a matrix of characters"
        )
    ref = ArrayRef(file, key, tuple(shape), _DTYPES[kind], str(path), "mat")
    limits.check(ref.name, inflated=ref.bytes, stored=ref.bytes)
    return ref


def _check_elements(path: pathlib.Path, file: str, limits: Limits) -> None:
    """Inflates each element once, in pieces that are thrown away."""
    with open(path, "rb") as source:
        order = "<" if source.read(_HEADER)[126:128] == b"IM" else ">"
        while len(tag := source.read(8)) == 8:
            kind, size = struct.unpack(order + "II", tag)
            if kind != _COMPRESSED:
                source.seek(size + (-size) % 8, 1)
                continue
            inflate, given, rest = zlib.decompressobj(), 0, size
            while rest:
                piece = source.read(min(rest, 1 << 16))
                if not piece:
                    raise ValueError(f"{file} must be whole; it is cut short")
                rest -= len(piece)
                while piece:
                    try:
                        given += len(inflate.decompress(piece, _CHUNK))
                    except zlib.error as error:
                        raise ValueError(f"{file} must be whole; {error}") from error
                    limits.check(f"an element of {file}", inflated=given, stored=size)
                    piece = inflate.unconsumed_tail


def read_mat(ref: ArrayRef) -> npt.NDArray[Any]:
    """Returns the values of an array that `list_mat` has listed."""
    found = scipy.io.loadmat(ref.path, variable_names=[ref.key])[ref.key]
    if found.dtype.hasobject:
        raise ValueError(
            f"{ref.name} must hold numbers or characters; it holds objects"
        )
    return found
