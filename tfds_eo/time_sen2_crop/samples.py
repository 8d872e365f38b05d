"""The text of samples and of dates, to arrays; a block of samples at once."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from tfds_eo import schemas
from tfds_eo.time_sen2_crop import protocol

_NAMES = protocol.SAMPLE_HEADER.decode().split(",")

_LETTERS = b"0123456789,\r\n"

_EPOCH = datetime.date(1970, 1, 1)


def parse_samples(
    texts: Sequence[bytes], names: Sequence[str], steps: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    r"""Parses samples that have the same number of dates.

    Args:
        texts: Content of each member, with ``\n`` or ``\r\n`` at the end of its
            lines; the last end may be missing.
        names: Name of each member, for messages.
        steps: Number of dates, T.

    Returns:
        Reflectance x 10000 ``[samples, T, 9]`` and condition ``[samples, T]``.

    Raises:
        ValueError: If a sample has another header, another number of rows, or a value
            that is no whole number in range. The message names the member.
    """
    bodies = [_body(text, name) for text, name in zip(texts, names, strict=True)]
    for body, name in zip(bodies, names, strict=True):
        rows = body.count(b"\n")
        if rows != steps:
            raise ValueError(
                f"{name} must have a row for each of the {steps} dates of its tile; it"
                f" has {rows}"
            )
    block = b"".join(bodies)
    try:
        # Arrow reads line ends of both kinds and refuses what does not fit into 16
        # bits, but it takes blanks and hexadecimal numbers for numbers, too.
        if block.translate(None, _LETTERS):
            raise pa.ArrowInvalid("other letters than those of whole numbers")
        table = csv.read_csv(
            pa.py_buffer(block),
            read_options=csv.ReadOptions(
                use_threads=False, column_names=_NAMES, block_size=1 << 30
            ),
            parse_options=csv.ParseOptions(ignore_empty_lines=False, quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(_NAMES, pa.uint16()),
                null_values=[],
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        for body, name in zip(bodies, names, strict=True):
            _check_values(body, name)
        raise ValueError(
            f"{names[0]} to {names[-1]} cannot be read: {error}"
        ) from error
    columns = [table.column(name).to_numpy() for name in _NAMES]
    reflectance = np.stack(columns[:-1], axis=1).reshape(len(texts), steps, -1)
    condition = columns[-1].reshape(len(texts), steps)
    wrong = np.flatnonzero((condition >= len(schemas.CONDITIONS)).any(axis=1))
    if len(wrong):
        _check_values(bodies[wrong[0]], names[wrong[0]])
    return reflectance, condition.astype(np.uint8)


def parse_dates(text: bytes, name: str) -> npt.NDArray[np.int32]:
    """Parses the dates of a tile folder.

    Returns:
        Days since 1970-01-01, never decreasing.

    Raises:
        ValueError: If the header is another one, a row is no date written YYYYMMDD, a
            date is earlier than the one before it, or there is none.
    """
    lines = text.decode("utf-8", "replace").splitlines()
    if not lines or lines[0] != protocol.DATES_HEADER:
        raise ValueError(
            f"{name} must start with the line {protocol.DATES_HEADER!r}; got"
            f" {lines[0] if lines else ''!r}"
        )
    days = []
    for number, line in enumerate(lines[1:], 2):
        try:
            if not re.fullmatch("[0-9]{8}", line):
                raise ValueError
            date = datetime.date(int(line[:4]), int(line[4:6]), int(line[6:]))
        except ValueError:
            raise ValueError(
                f"line {number} of {name} must be a date written YYYYMMDD; got {line!r}"
            ) from None
        days.append((date - _EPOCH).days)
        if len(days) > 1 and days[-1] < days[-2]:
            raise ValueError(
                f"the dates of {name} must not decrease; line {number} has {line} after"
                f" {lines[number - 2]}"
            )
    if not days:
        raise ValueError(f"{name} must list at least one date; it lists none")
    return np.array(days, np.int32)


def _body(text: bytes, name: str) -> bytes:
    """Returns the rows below the header, the last one ended like the others."""
    header = protocol.SAMPLE_HEADER
    for end in (b"\n", b"\r\n"):
        if text.startswith(header + end):
            body = text[len(header) + len(end) :]
            return body if body.endswith(b"\n") or not body else body + b"\n"
    first = text[:80].split(b"\n")[0].decode("utf-8", "replace")
    raise ValueError(
        f"{name} must start with the line {header.decode()!r}; got {first!r}"
    )


def _check_values(body: bytes, name: str) -> None:
    """Finds the value for which a sample was refused."""
    limits = [np.iinfo(np.uint16).max] * (len(_NAMES) - 1)
    limits.append(len(schemas.CONDITIONS) - 1)
    for number, line in enumerate(body.decode("utf-8", "replace").split("\n")[:-1], 2):
        values = line.removesuffix("\r").split(",")
        if len(values) != len(_NAMES):
            raise ValueError(
                f"line {number} of {name} must have {len(_NAMES)} values; got {line!r}"
            )
        for column, value, limit in zip(_NAMES, values, limits, strict=True):
            if not re.fullmatch("[0-9]+", value) or int(value) > limit:
                raise ValueError(
                    f"{column} in line {number} of {name} must be a whole number from 0"
                    f" to {limit}; got {value!r}"
                )
