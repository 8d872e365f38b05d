"""The members of a zip archive, a million of them as arrays rather than as objects.

`zipfile` keeps an object of half a kilobyte for each member and walks the directory one
by one; here the directory is read in pieces and taken apart by NumPy. Archives are read
by byte range, so they may lie in object storage. Nothing is ever extracted to disk.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator, Sequence

import fsspec
import numpy as np
import numpy.typing as npt

PIECE_BYTES = 8 << 20
"""Size of the pieces in which the directory is read."""

GAP_BYTES = 64 << 10
"""Members that lie no further apart than this are fetched together."""

SPAN_BYTES = 32 << 20
"""Largest range that is fetched at once, one member at least."""

LONGEST_NAME = 1024
"""Length of a member's path above which the archive is refused."""

_ENTRY = 46
"""Size of a directory entry without its name, extra field and comment."""

_LOCAL = 30
"""Size of a member's own header without its name and extra field."""


@dataclasses.dataclass(frozen=True)
class Members:
    """Where members of an archive lie, in any order.

    Attributes:
        offset: Place of each member's header in the file.
        packed: Size as stored, in bytes.
        size: Size when inflated, in bytes.
        crc: CRC-32 of the inflated bytes.
        method: 0 stored, 8 deflated.
        flags: General purpose flags; bit 0 says encrypted.
    """

    offset: npt.NDArray[np.int64]
    packed: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    crc: npt.NDArray[np.uint32]
    method: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.offset)

    def __getitem__(self, rows: slice | npt.NDArray) -> Members:
        """Returns some of the members."""
        columns = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Members(*(column[rows] for column in columns))


def joined(parts: Sequence[Members]) -> Members:
    """Returns the members of all parts, one part behind the other."""
    names = [field.name for field in dataclasses.fields(Members)]
    return Members(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
    )


class RangeReader:
    """Reads byte ranges of one file, local or in object storage."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._filesystem, self._name = fsspec.core.url_to_fs(path)
        self.size: int = self._filesystem.size(self._name)

    def version(self) -> str:
        """Returns a text that changes when the file does."""
        return self._filesystem.ukey(self._name)

    def read(self, start: int, stop: int) -> bytes:
        """Returns the bytes from ``start`` to before ``stop`` or the end."""
        return self._filesystem.cat_file(
            self._name, start=start, end=min(stop, self.size)
        )


@dataclasses.dataclass(frozen=True)
class Directory:
    """Where the directory of an archive lies.

    Attributes:
        start: Its first byte.
        stop: The byte behind its last.
        members: Number of its entries.
        comment: Comment of the archive.
    """

    start: int
    stop: int
    members: int
    comment: bytes


def find_directory(file: RangeReader) -> Directory:
    """Finds the directory at the end of an archive, of 64-bit kind or not.

    Raises:
        ValueError: If the file is no zip archive or its end is missing.
    """
    tail_start = max(0, file.size - 65_557)
    tail = file.read(tail_start, file.size)
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if len(tail) >= at + 22:
            fields = struct.unpack_from("<4H2LH", tail, at + 4)
            if at + 22 + fields[6] == len(tail):
                break
        at = tail.rfind(b"PK\x05\x06", 0, at)
    if at < 0:
        raise ValueError(
            f"{file.path} must be a whole zip archive; it has {file.size} bytes and no"
            " directory at its end: it is truncated or no zip, fetch it again"
        )
    _, _, _, members, size, start, comment_length = fields
    comment = tail[at + 22 : at + 22 + comment_length]
    locator = tail[at - 20 : at] if at >= 20 else b""
    if locator[:4] == b"PK\x06\x07":
        (end64,) = struct.unpack_from("<Q", locator, 8)
        record = file.read(end64, end64 + 56)
        if record[:4] != b"PK\x06\x06":
            raise ValueError(
                f"{file.path} must have its 64-bit directory end at byte {end64}; it"
                " is damaged, fetch it again"
            )
        members, size, start = struct.unpack_from("<3Q", record, 32)
    if start + size > file.size:
        raise ValueError(
            f"the directory of {file.path} must lie within its {file.size} bytes; it"
            f" ends at {start + size}: the file is truncated, fetch it again"
        )
    return Directory(start, start + size, members, comment)


def read_members(
    file: RangeReader, directory: Directory
) -> Iterator[tuple[npt.NDArray[np.bytes_], Members]]:
    """Yields names and places of members in the order of the directory, in pieces.

    Raises:
        ValueError: If the directory is damaged or ends early.
    """
    carried = b""
    found = 0
    position = directory.start
    while position < directory.stop:
        stop = min(position + PIECE_BYTES, directory.stop)
        piece = carried + file.read(position, stop)
        position = stop
        entries, used = _entries(piece)
        found += len(entries)
        carried = piece[used:]
        if len(entries):
            yield _members(piece, entries, file.path)
        elif len(carried) > 3 * 65_535 + _ENTRY:
            break
    if carried or found != directory.members:
        raise ValueError(
            f"the directory of {file.path} must have {directory.members} entries;"
            f" {found} can be read: the file is damaged, fetch it again"
        )


def _entries(piece: bytes) -> tuple[npt.NDArray[np.int64], int]:
    """Returns where whole entries start, and where the last of them ends."""
    raw = np.frombuffer(piece, np.uint8)
    if len(raw) < _ENTRY:
        return np.zeros(0, np.int64), 0
    # An entry starts with PK 1 2. A name may hold these bytes, too, so the entries
    # are only those that lie behind one another without a gap.
    starts = np.flatnonzero(raw[: -_ENTRY + 1] == 0x50)
    for place, value in ((1, 0x4B), (2, 1), (3, 2)):
        starts = starts[raw[starts + place] == value]
    sizes = _ENTRY + sum(_word(raw, starts + at, 2) for at in (28, 30, 32))
    ends = starts + sizes
    joined = len(starts) and starts[0] == 0 and (ends[:-1] == starts[1:]).all()
    if not joined:
        starts, ends = _walk(dict(zip(starts.tolist(), ends.tolist(), strict=True)))
    whole = ends <= len(raw)
    starts, ends = starts[whole], ends[whole]
    return starts, int(ends[-1]) if len(ends) else 0


def _walk(
    end_of: dict[int, int],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts = []
    at = 0
    while at in end_of:
        starts.append(at)
        at = end_of[at]
    ends = [*starts[1:], at] if starts else []
    return np.array(starts, np.int64), np.array(ends, np.int64)


def _word(
    raw: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.int64]:
    """Returns the little-endian numbers of ``size`` bytes at places of a buffer."""
    total = np.zeros(len(at), np.int64)
    for byte in range(size):
        total |= raw[at + byte].astype(np.int64) << (8 * byte)
    return total


def _members(
    piece: bytes, starts: npt.NDArray[np.int64], path: str
) -> tuple[npt.NDArray[np.bytes_], Members]:
    raw = np.frombuffer(piece, np.uint8)
    lengths = _word(raw, starts + 28, 2)
    longest = max(1, int(lengths.max()))
    if longest > LONGEST_NAME:
        raise ValueError(
            f"names in {path} must have at most {LONGEST_NAME} bytes; one has {longest}"
        )
    columns = np.arange(longest)
    places = np.minimum(starts[:, None] + _ENTRY + columns, len(raw) - 1)
    matrix = np.where(columns < lengths[:, None], raw[places], np.uint8(0))
    offset = _word(raw, starts + 42, 4)
    packed = _word(raw, starts + 20, 4)
    size = _word(raw, starts + 24, 4)
    for row in np.flatnonzero((offset | packed | size) >= 0xFFFFFFFF):
        at = int(starts[row]) + _ENTRY + int(lengths[row])
        extra = piece[at : at + int(_word(raw, starts[row : row + 1] + 30, 2)[0])]
        size[row], packed[row], offset[row] = _wide(
            extra, int(size[row]), int(packed[row]), int(offset[row])
        )
    names = np.ascontiguousarray(matrix).view(f"S{longest}").reshape(-1)
    return names, Members(
        offset=offset,
        packed=packed,
        size=size,
        crc=_word(raw, starts + 16, 4).astype(np.uint32),
        method=_word(raw, starts + 10, 2).astype(np.uint16),
        flags=_word(raw, starts + 8, 2).astype(np.uint16),
    )


def _wide(extra: bytes, *numbers: int) -> list[int]:
    """Replaces numbers of all ones by those of the 64-bit extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            values = struct.iter_unpack("<Q", extra[at + 4 : at + 4 + length // 8 * 8])
            return [next(values)[0] if n == 0xFFFFFFFF else n for n in numbers]
        at += 4 + length
    return list(numbers)


def inflate(
    file: RangeReader,
    names: Sequence[str],
    members: Members,
) -> list[bytes]:
    """Reads the content of members; those that lie together are fetched together.

    Args:
        file: The archive.
        names: Name of each member, for messages.
        members: Where they lie.

    Returns:
        The inflated bytes of each member.

    Raises:
        ValueError: If a member is encrypted, packed in an unknown way, or damaged.
    """
    contents: list[bytes] = [b""] * len(names)
    order = np.argsort(members.offset, kind="stable")
    offset, packed = members.offset[order], members.packed[order]
    # Past its header a member has its name and extra field, 64 bytes as a rule.
    ends = offset + _LOCAL + packed + 256
    first = 0
    while first < len(order):
        last = first
        while (
            last + 1 < len(order)
            and offset[last + 1] - ends[last] <= GAP_BYTES
            and ends[last + 1] - offset[first] <= SPAN_BYTES
        ):
            last += 1
        start = int(offset[first])
        span = file.read(start, int(ends[last]))
        for place in range(first, last + 1):
            row = int(order[place])
            contents[row] = _inflate_one(file, span, start, names[row], members, row)
        first = last + 1
    return contents


def _inflate_one(
    file: RangeReader, span: bytes, start: int, name: str, members: Members, row: int
) -> bytes:
    where = f"member {name!r} of {file.path}"
    if members.flags[row] & 1 or members.method[row] not in (0, 8):
        raise ValueError(
            f"{where} must be stored or deflated, not encrypted; got method"
            f" {members.method[row]}, flags {members.flags[row]:#x}"
        )
    at = int(members.offset[row]) - start
    if span[at : at + 4] != b"PK\x03\x04":
        raise ValueError(
            f"{where} must start with a zip header at byte {members.offset[row]}; the"
            " archive is damaged, fetch it again"
        )
    name_length, extra_length = struct.unpack_from("<2H", span, at + 26)
    begin = at + _LOCAL + name_length + extra_length
    data = span[begin : begin + int(members.packed[row])]
    if len(data) < members.packed[row]:  # A header longer than was reckoned with.
        data = file.read(start + begin, start + begin + int(members.packed[row]))
    size = int(members.size[row])
    if members.method[row] == 8:
        try:
            data = _deflated(data, size)
        except zlib.error as error:
            raise ValueError(
                f"{where} must inflate; {error}: the archive is damaged, fetch it again"
            ) from error
    if len(data) != size or zlib.crc32(data) != members.crc[row]:
        raise ValueError(
            f"{where} must have {size} bytes with checksum {members.crc[row]:08x}; got"
            f" {len(data)} bytes with {zlib.crc32(data):08x}: the archive is damaged,"
            " fetch it again"
        )
    return data


def _deflated(data: bytes, size: int) -> bytes:
    """Inflates, but never to more than one byte above ``size``."""
    stream = zlib.decompressobj(-15)
    return stream.decompress(data, size + 1)
