"""Arrays of TIFF files: one image, or a stack of pages."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy.typing as npt
import tifffile

from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.limits import LIMITS, Limits


def list_tiff(
    path: pathlib.Path, file: str, *, limits: Limits = LIMITS
) -> list[ArrayRef]:
    """Lists the arrays of a file: each series of pages of one shape.

    Raises:
        ValueError: If the file is no TIFF, or inflates beyond the limits.
    """
    try:
        with tifffile.TiffFile(path) as source:
            series = [(s.shape, s.dtype) for s in source.series]
    except Exception as error:  # The library raises many kinds on damaged files.
        raise ValueError(f"{file} must be a TIFF; {error}") from error
    found = [
        ArrayRef(
            file,
            f"series {number}" if len(series) > 1 else "",
            tuple(shape),
            dtype.str,
            str(path),
            "tiff",
        )
        for number, (shape, dtype) in enumerate(series)
        if dtype is not None
    ]
    for ref in found:
        limits.check(ref.name, inflated=ref.bytes, stored=path.stat().st_size)
    return found


def read_tiff(ref: ArrayRef) -> npt.NDArray[Any]:
    """Returns the values of an array that `list_tiff` has listed."""
    number = int(ref.key.removeprefix("series ")) if ref.key else 0
    with tifffile.TiffFile(ref.path) as source:
        return source.series[number].asarray()
