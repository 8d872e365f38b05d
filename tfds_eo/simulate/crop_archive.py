"""Lays crop series out in the archive format of TimeSen2Crop.

The format is that of Weikmann, Paris, Bruzzone 2021 (doi 10.1109/JSTARS.2021.3073965)::

    TimeSen2Crop/<tile>/dates.csv           header acquisition_date, then YYYYMMDD
    TimeSen2Crop/<tile>/<class>/<n>.csv     header B1,...,B9,Flag, a row for each date
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from tfds_eo.schemas import CONDITIONS, CROP_BANDS
from tfds_eo.simulate.zip_writer import ZipWriter
from tfds_eo.time_sen2_crop import protocol

TOP_FOLDER = "TimeSen2Crop"
"""Folder that wraps everything in the archive."""

_BANDS, _FLAGS = len(CROP_BANDS), len(CONDITIONS)

_END_OF_SERIES = b"\1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropSeries:
    """The samples of one class in one tile.

    Attributes:
        reflectance: Reflectance x 10000, integers in [0, 65535], ``[samples, T, 9]``.
        condition: 0 clear, 1 cloud, 2 shadow, 3 snow; ``[samples, T]``.
    """

    reflectance: npt.NDArray[np.integer]
    condition: npt.NDArray[np.integer]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tile:
    """What one tile folder holds.

    Attributes:
        dates: Acquisition dates, ``datetime64[D]``, ``[T]``, written in this order.
        series: Samples by class folder. A class that is left out has no folder; one
            without samples, shape ``(0, T, 9)``, has an empty one.
    """

    dates: npt.NDArray[np.datetime64]
    series: Mapping[int, CropSeries]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """How an archive is laid out; every choice here is one that readers must accept."""

    top_folder: str = TOP_FOLDER
    """Folder that wraps the tiles; empty for none."""
    line_end: Literal["\n", "\r\n"] = "\n"
    """What ends a line of the text files."""
    last_line_end: bool = True
    """Whether the last line of a text file is ended, too."""
    order: Literal["sorted", "reversed", "shuffled"] = "sorted"
    """Order of the members. Sorted: by tile as given, dates.csv first, then by class
    and number. Reversed: the opposite. Shuffled: all over the archive, always alike.
    """
    folder_entries: bool = True
    """Whether folders have entries of their own. Without them an empty class folder
    cannot be told from a missing one.
    """
    comment: bytes = b""
    """Comment of the archive."""


# Public functions ----------------------------------------------------------------


def write_archive_of(
    path: str | os.PathLike[str],
    tiles: Mapping[str, Tile],
    *,
    layout: Layout | None = None,
    overwrite: bool = False,
) -> None:
    """Writes given series as an archive.

    Args:
        path: Path of the archive. It is written under another name, then renamed.
        tiles: What each tile folder holds, by its name.
        layout: How the archive is laid out; the usual way if None. An order other than
            sorted holds the whole archive in memory.
        overwrite: Whether an archive that is there already may be replaced.

    Raises:
        ValueError: If the arrays of a tile do not fit its dates, or hold values that
            the format has no place for.
        FileExistsError: If there is an archive and ``overwrite`` is false.
    """
    layout = layout or Layout()
    for name, tile in tiles.items():
        _check(name, tile)
    with ZipWriter(path, comment=layout.comment, overwrite=overwrite) as archive:
        if layout.order == "sorted":
            for member in _members(tiles, layout):
                _add(archive, *member)
            return
        members = list(_members(tiles, layout))
        order = np.arange(len(members))[::-1]
        if layout.order == "shuffled":
            order = np.random.default_rng(0).permutation(len(members))
        for number in order:
            _add(archive, *members[number])


def dates_text(dates: npt.NDArray[np.datetime64]) -> bytes:
    """Returns the content of ``dates.csv``.

    Args:
        dates: Acquisition dates, ``datetime64[D]``, ``[T]``.
    """
    lines = [protocol.DATES_HEADER]
    lines += [str(day).replace("-", "") for day in dates.astype("datetime64[D]")]
    return ("\n".join(lines) + "\n").encode()


def samples_text(series: CropSeries) -> list[bytes]:
    """Returns the content of the file of each sample.

    Args:
        series: The samples; all values must fit the format.
    """
    samples, steps, bands = series.reflectance.shape
    if not samples:
        return []
    header = protocol.SAMPLE_HEADER + b"\n"
    numbers, flags, last_flags = _words()
    words = np.empty((samples, steps, bands + 1), np.uint64)
    np.take(numbers, series.reflectance, out=words[..., :bands], mode="clip")
    words[..., bands] = flags[series.condition]
    if not steps:
        return [header] * samples
    words[:, -1, bands] = last_flags[series.condition[:, -1]]
    # Each word is eight bytes, filled up with zeros that go out here.
    rows = words.tobytes().translate(None, b"\0").split(_END_OF_SERIES)
    return [header + each for each in rows[:-1]]


# Private -------------------------------------------------------------------------


@functools.cache
def _words() -> tuple[npt.NDArray[np.uint64], ...]:
    """Returns the text of numbers, of flags, and of flags that end a series.

    A text is eight bytes seen as one integer: the digits and what follows them.
    """
    flags = [f"{flag}\n" for flag in range(_FLAGS)]
    texts = (
        [f"{number}," for number in range(1 << 16)],
        flags,
        [flag + _END_OF_SERIES.decode() for flag in flags],
    )
    return tuple(np.array(each, "S8").view(np.uint64) for each in texts)


def _members(
    tiles: Mapping[str, Tile], layout: Layout
) -> Iterator[tuple[str, bytes | None]]:
    """Yields name and content of each member in sorted order; None for a folder."""
    top = f"{layout.top_folder}/" if layout.top_folder else ""
    if top and layout.folder_entries:
        yield top, None
    for tile_name, tile in tiles.items():
        folder = f"{top}{tile_name}/"
        if layout.folder_entries:
            yield folder, None
        yield folder + protocol.DATES_NAME, _restyled(dates_text(tile.dates), layout)
        for label, series in sorted(tile.series.items()):
            if layout.folder_entries:
                yield f"{folder}{label}/", None
            for number, text in enumerate(samples_text(series)):
                yield f"{folder}{label}/{number}.csv", _restyled(text, layout)


def _restyled(text: bytes, layout: Layout) -> bytes:
    if not layout.last_line_end:
        text = text.removesuffix(b"\n")
    if layout.line_end != "\n":
        text = text.replace(b"\n", layout.line_end.encode())
    return text


def _add(archive: ZipWriter, name: str, content: bytes | None) -> None:
    if content is None:
        archive.add_folder(name)
    else:
        archive.add(name, content)


def _check(name: str, tile: Tile) -> None:
    steps = len(tile.dates)
    for label, series in tile.series.items():
        where = f"class {label} of tile {name!r}"
        samples = len(series.reflectance)
        for what, values, shape, most in (
            ("reflectance", series.reflectance, (samples, steps, _BANDS), 0xFFFF),
            ("condition", series.condition, (samples, steps), _FLAGS - 1),
        ):
            if values.shape != shape or not np.issubdtype(values.dtype, np.integer):
                raise ValueError(
                    f"{what} of {where} must be integers of shape {shape} for its"
                    f" {steps} dates; got {values.dtype} of shape {values.shape}"
                )
            if values.size and not 0 <= values.min() <= values.max() <= most:
                raise ValueError(
                    f"{what} of {where} must lie in [0, {most}]; got"
                    f" {values.min()} to {values.max()}"
                )
