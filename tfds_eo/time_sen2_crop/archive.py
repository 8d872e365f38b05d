"""What a TimeSen2Crop archive holds: tile folders, their dates, the runs of samples."""

from __future__ import annotations

import dataclasses
import functools
import re

import numpy as np
import numpy.typing as npt

from tfds_eo import legends, zip_directory
from tfds_eo.records import Columns
from tfds_eo.time_sen2_crop import protocol, samples
from tfds_eo.zip_directory import Members, RangeReader

LARGEST_MEMBER = 1 << 20
"""Inflated size, in bytes, above which a member is no sample and no list of dates."""

LONGEST_NUMBER = 9
"""Most digits of the number of a sample."""

CLASSES = len(legends.TIME_SEN2_CROP)
"""Number of class folders in a tile folder."""

_SAMPLE = re.compile(r"(?:(?P<top>.*/|)(?P<tile>[^/]*)/)?(?P<label>[0-9]+)/[0-9]+\.csv")

_DATES = re.compile(rf"(?P<top>.*/|)(?P<tile>[^/]*)/{re.escape(protocol.DATES_NAME)}")


@dataclasses.dataclass(frozen=True)
class Archive:
    """An archive whose directory has been read; samples by folder, class and number.

    Attributes:
        file: The archive.
        comment: Comment of the archive.
        top: Path of the folder that holds the tile folders; empty or ending in ``/``.
        dates: Acquisition dates of each tile folder, days since 1970-01-01, int32.
        members: Where the samples lie.
        numbers: Number of each sample.
        cells: Class and tile folder of each sample: place of its tile folder in
            `protocol.FOLDERS`, times `CLASSES`, plus its class.
    """

    file: RangeReader
    comment: bytes
    top: str
    dates: dict[str, npt.NDArray[np.int32]]
    members: Members
    numbers: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int16]

    def runs(self) -> list[SampleRun]:
        """Returns the run of the samples of each tile folder and class that has any."""
        places = np.arange(len(protocol.FOLDERS) * CLASSES + 1)
        starts = np.searchsorted(self.cells, places).tolist()
        return [
            SampleRun(self.file.path, folder, label, starts[cell], starts[cell + 1])
            for cell, (folder, label) in enumerate(
                (folder, label)
                for folder in protocol.FOLDERS
                for label in range(CLASSES)
            )
            if starts[cell] < starts[cell + 1]
        ]


@dataclasses.dataclass(frozen=True)
class SampleRun:
    """Samples of one class in one tile folder that follow one another.

    Attributes:
        archive: Path of the archive.
        folder: Tile folder.
        label: Class.
        start: First sample, counted in the order of `Archive.members`.
        stop: The sample behind the last.
    """

    archive: str
    folder: str
    label: int
    start: int
    stop: int

    def part(self, start: int, stop: int) -> SampleRun:
        """Returns the run of the samples from ``start`` to before ``stop``."""
        return dataclasses.replace(
            self, start=self.start + start, stop=self.start + stop
        )


def open_archive(path: str) -> Archive:
    """Reads the directory of an archive and the dates of its tile folders.

    Raises:
        ValueError: If the file is no whole zip archive, holds no samples, an unknown
            tile or class folder, the same sample twice, or unusable dates.
    """
    file = RangeReader(path)
    directory = zip_directory.find_directory(file)
    tops: set[str] = set()
    listed: dict[str, Members] = {}
    parts = []
    for names, members in zip_directory.read_members(file, directory):
        cells, numbers = _cells(path, names, tops)
        for row in np.flatnonzero(cells < 0):
            found = _DATES.fullmatch(names[row].decode("utf-8", "replace"))
            if found and found["tile"] in protocol.FOLDERS:
                tops.add(found["top"])
                listed[found["tile"]] = members[row : row + 1]
        chosen = cells >= 0
        parts.append((members[chosen], numbers[chosen], cells[chosen]))
    if not any(len(numbers) for _, numbers, _ in parts):
        raise ValueError(
            f"{path} must hold samples <tile>/<class>/<number>.csv; it has none among"
            f" its {directory.members} members"
        )
    if len(tops) > 1:
        raise ValueError(
            f"{path} must hold its tile folders in one folder; they lie in"
            f" {sorted(tops)}"
        )
    cells = np.concatenate([cells for _, _, cells in parts])
    numbers = np.concatenate([numbers for _, numbers, _ in parts])
    order = np.lexsort((numbers, cells))
    archive = Archive(
        file=file,
        comment=directory.comment,
        top=tops.pop(),
        dates={},
        members=zip_directory.joined([members for members, _, _ in parts])[order],
        numbers=numbers[order],
        cells=cells[order],
    )
    _check_members(archive)
    _read_dates(archive, listed)
    return archive


def read_run(run: SampleRun) -> Columns:
    """Reads a run of samples: the features of `schemas.crop_series`.

    Raises:
        ValueError: If a member is damaged or no sample of its tile folder.
    """
    archive = _opened(run.archive)
    dates = archive.dates[run.folder]
    rows = slice(run.start, run.stop)
    prefix = f"{run.folder}/{run.label}/"
    ids = [f"{prefix}{number}" for number in archive.numbers[rows].tolist()]
    names = [f"{archive.top}{name}.csv in {run.archive}" for name in ids]
    texts = zip_directory.inflate(archive.file, names, archive.members[rows])
    reflectance, condition = samples.parse_samples(texts, names, len(dates))
    tile, season = protocol.FOLDERS[run.folder]
    count = len(ids)
    return {
        "reflectance": reflectance,
        "condition": condition,
        "date": np.broadcast_to(dates, (count, len(dates))),
        "label": np.full(count, run.label),
        "tile": np.full(count, protocol.TILES.index(tile)),
        "season": np.full(count, protocol.SEASONS.index(season)),
        "id": np.array(ids, np.bytes_),
    }


@functools.lru_cache(maxsize=1)
def _opened(path: str) -> Archive:
    """The archive from which a worker reads run after run."""
    return open_archive(path)


def _cells(
    path: str, names: npt.NDArray[np.bytes_], tops: set[str]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Finds cell and number of each sample; the cell of anything else is -1.

    Names are taken apart from their end, all at once: ``.csv``, digits, a slash, and a
    path that is looked up once for each row of neighbours that share it.
    """
    count, width = len(names), names.dtype.itemsize
    matrix = names.view(np.uint8).reshape(count, width)
    ends = np.strings.str_len(names)
    sample = np.strings.endswith(names, b".csv")
    numbers = np.zeros(count, np.int64)
    digits = np.zeros(count, np.int64)
    open_ = sample.copy()
    rows = np.arange(count)
    for digit in range(LONGEST_NUMBER + 1):
        letter = matrix[rows, np.maximum(ends - 5 - digit, 0)]
        open_ &= (letter >= 48) & (letter <= 57) & (ends - 5 - digit >= 0)
        numbers += np.where(open_, letter.astype(np.int64) - 48, 0) * 10**digit
        digits += open_
    slash = ends - 5 - digits
    sample &= (digits > 0) & (slash >= 0) & (matrix[rows, np.maximum(slash, 0)] == 47)
    folders = np.where(np.arange(width) < slash[:, None], matrix, np.uint8(0))
    changes = np.ones(count, bool)
    changes[1:] = (folders[1:] != folders[:-1]).any(axis=1)
    heads = np.flatnonzero(changes)
    known: dict[bytes, int] = {}
    cells = np.full(count, -1, np.int16)
    for head, stop in zip(heads, [*heads[1:], count], strict=True):
        inside = np.flatnonzero(sample[head:stop])
        if not len(inside):
            continue
        first = head + int(inside[0])
        folder = names[first][: int(slash[first])]
        if folder not in known:
            known[folder] = _cell(path, names[first].decode("utf-8", "replace"), tops)
        cells[head:stop][inside] = known[folder]
    odd = np.flatnonzero((cells >= 0) & _has_leading_zero(numbers, digits))
    if len(odd):
        raise ValueError(
            f"samples in {path} must be numbered without leading zeros, with at most"
            f" {LONGEST_NUMBER} digits; got {names[odd[0]].decode()!r}"
        )
    return cells, numbers


def _has_leading_zero(
    numbers: npt.NDArray[np.int64], digits: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    least = np.where(digits > 1, 10 ** np.maximum(digits - 1, 0), 0)
    return (numbers < least) | (digits > LONGEST_NUMBER)


def _cell(path: str, name: str, tops: set[str]) -> int:
    """Returns the cell of the sample ``name``, or -1 if it is none."""
    found = _SAMPLE.fullmatch(name)
    if not found:
        return -1
    label = int(found["label"])
    if found["tile"] not in protocol.FOLDERS:
        raise ValueError(
            f"sample {name!r} in {path} must lie in a known tile folder; got"
            f" {found['tile'] or ''!r}, the known ones are {', '.join(protocol.FOLDERS)}"
        )
    if label >= CLASSES or found["label"] != str(label):
        raise ValueError(
            f"sample {name!r} in {path} must lie in a class folder 0 to {CLASSES - 1};"
            f" got {found['label']!r}"
        )
    tops.add(found["top"])
    return list(protocol.FOLDERS).index(found["tile"]) * CLASSES + label


def _check_members(archive: Archive) -> None:
    again = np.diff(archive.numbers) == 0
    again &= np.diff(archive.cells) == 0
    large = archive.members.size > LARGEST_MEMBER
    for wrong, complaint in (
        (np.append(again, False), "must be there once; it is there twice"),
        (large, f"must inflate to at most {LARGEST_MEMBER} bytes; it is larger"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            folder = list(protocol.FOLDERS)[archive.cells[row] // CLASSES]
            raise ValueError(
                f"member {archive.top}{folder}/{archive.cells[row] % CLASSES}/"
                f"{archive.numbers[row]}.csv of {archive.file.path} {complaint}"
            )


def _read_dates(archive: Archive, listed: dict[str, Members]) -> None:
    present = np.unique(archive.cells // CLASSES).tolist()
    for folder in (list(protocol.FOLDERS)[place] for place in present):
        name = f"{archive.top}{folder}/{protocol.DATES_NAME} in {archive.file.path}"
        member = listed.get(folder)
        if member is None:
            raise ValueError(
                f"tile folder {folder!r} has samples, so there must be {name}; there is"
                " none: fetch the archive again"
            )
        if member.size[0] > LARGEST_MEMBER:
            raise ValueError(
                f"{name} must inflate to at most {LARGEST_MEMBER} bytes; got"
                f" {member.size[0]}"
            )
        (text,) = zip_directory.inflate(archive.file, [name], member)
        archive.dates[folder] = samples.parse_dates(text, name)
