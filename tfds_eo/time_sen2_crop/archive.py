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
    """An archive whose directory has been read.

    Samples come by tile folder; within one, classes are interleaved in proportion to
    their sizes, each in the order of its numbers. So any run of samples of a folder is
    a fair sample of its classes.

    Attributes:
        file: The archive.
        version: Changes when the file does.
        comment: Comment of the archive.
        top: Path of the folder that holds the tile folders; empty or ending in ``/``.
        dates: Acquisition dates of each tile folder, days since 1970-01-01, int32.
        members: Where the samples lie.
        labels: Class of each sample.
        numbers: Number of each sample.
        starts: First sample of each folder of `protocol.FOLDERS`, and behind the last.
    """

    file: RangeReader
    version: str
    comment: bytes
    top: str
    dates: dict[str, npt.NDArray[np.int32]]
    members: Members
    labels: npt.NDArray[np.uint8]
    numbers: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    def runs(self) -> list[SampleRun]:
        """Returns all samples of each tile folder that has any, as one run each."""
        starts = self.starts.tolist()
        return [
            SampleRun(self.file.path, self.version, folder, start, stop)
            for folder, start, stop in zip(
                protocol.FOLDERS, starts[:-1], starts[1:], strict=True
            )
            if start < stop
        ]


@dataclasses.dataclass(frozen=True)
class SampleRun:
    """Samples of one tile folder that follow one another.

    Attributes:
        archive: Path of the archive.
        version: Version of the archive that was listed.
        folder: Tile folder.
        start: First sample, counted in the order of `Archive.members`.
        stop: The sample behind the last.
    """

    archive: str
    version: str
    folder: str
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
    members = zip_directory.joined([members for members, _, _ in parts])
    order = _order(path, cells, numbers)
    cells = cells[order]
    folders = np.arange(len(protocol.FOLDERS) + 1)
    archive = Archive(
        file=file,
        version=file.version(),
        comment=directory.comment,
        top=tops.pop(),
        dates={},
        members=members[order],
        labels=(cells % CLASSES).astype(np.uint8),
        numbers=numbers[order],
        starts=np.searchsorted(cells // CLASSES, folders),
    )
    _check_sizes(archive)
    _read_dates(archive, listed)
    return archive


def read_run(run: SampleRun) -> Columns:
    """Reads a run of samples: the features of `schemas.crop_series`.

    Raises:
        ValueError: If a member is damaged or no sample of its tile folder.
    """
    archive = opened(run.archive, run.version)
    dates = archive.dates[run.folder]
    rows = slice(run.start, run.stop)
    labels = archive.labels[rows]
    ids = [
        f"{run.folder}/{label}/{number}"
        for label, number in zip(
            labels.tolist(), archive.numbers[rows].tolist(), strict=True
        )
    ]
    names = [f"{archive.top}{name}.csv in {run.archive}" for name in ids]
    texts = zip_directory.inflate(archive.file, names, archive.members[rows])
    reflectance, condition = samples.parse_samples(texts, names, len(dates))
    tile, season = protocol.FOLDERS[run.folder]
    count = len(ids)
    return {
        "reflectance": reflectance,
        "condition": condition,
        "date": np.broadcast_to(dates, (count, len(dates))),
        "label": labels,
        "tile": np.full(count, protocol.TILES.index(tile)),
        "season": np.full(count, protocol.SEASONS.index(season)),
        "id": np.array(ids, np.bytes_),
    }


@functools.lru_cache(maxsize=1)
def opened(path: str, version: str) -> Archive:
    """Returns the archive from which a process reads run after run.

    Raises:
        ValueError: As `open_archive`, and if the file changed since it was listed.
    """
    archive = open_archive(path)
    if archive.version != version:
        raise ValueError(f"{path} must not change while it is read; it did")
    return archive


def _order(
    path: str, cells: npt.NDArray[np.int16], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Returns the order of the samples that `Archive` promises."""
    order = np.lexsort((numbers, cells))
    cells, numbers = cells[order], numbers[order]
    again = np.flatnonzero((np.diff(numbers) == 0) & (np.diff(cells) == 0))
    if len(again):
        folder = list(protocol.FOLDERS)[cells[again[0]] // CLASSES]
        raise ValueError(
            f"sample {folder}/{cells[again[0]] % CLASSES}/{numbers[again[0]]}.csv of"
            f" {path} must be there once; it is there twice"
        )
    counts = np.bincount(cells)
    firsts = np.cumsum(counts) - counts
    shares = (np.arange(len(cells)) - firsts[cells] + 0.5) / counts[cells]
    return order[np.lexsort((cells, shares, cells // CLASSES))]


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
            f" {found['tile'] or ''!r}; known are {', '.join(protocol.FOLDERS)}"
        )
    if label >= CLASSES or found["label"] != str(label):
        raise ValueError(
            f"sample {name!r} in {path} must lie in a class folder 0 to {CLASSES - 1};"
            f" got {found['label']!r}"
        )
    tops.add(found["top"])
    return list(protocol.FOLDERS).index(found["tile"]) * CLASSES + label


def _check_sizes(archive: Archive) -> None:
    large = np.flatnonzero(archive.members.size > LARGEST_MEMBER)
    if len(large):
        row = int(large[0])
        folder = list(protocol.FOLDERS)[
            int(np.searchsorted(archive.starts, row, side="right")) - 1
        ]
        raise ValueError(
            f"sample {folder}/{archive.labels[row]}/{archive.numbers[row]}.csv of"
            f" {archive.file.path} must inflate to at most {LARGEST_MEMBER} bytes; got"
            f" {archive.members.size[row]}"
        )


def _read_dates(archive: Archive, listed: dict[str, Members]) -> None:
    for folder in (run.folder for run in archive.runs()):
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
