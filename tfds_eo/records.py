"""Blocks of examples to TFRecords, byte for byte what TensorFlow would write.

Examples of one layout differ only in the bytes of their values: they are encoded
together, as the rows of one matrix. The fields of an example come in the order of their
names, as in a deterministically serialised `tf.train.Example`.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence
from typing import Literal, overload

import google_crc32c
import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

Columns = Mapping[str, npt.NDArray]
"""Examples of a block: for each feature an array whose first dimension counts examples.

Text is an array of bytes (dtype ``S`` or object), an array feature has the same shape
in all examples of the block, a class is its number.
"""


@dataclasses.dataclass(frozen=True)
class Field:
    """How one feature is stored.

    Attributes:
        kind: ``array`` as raw little-endian bytes, ``text`` as bytes, ``integer`` and
            ``real`` as a single number.
        dtype: NumPy dtype of an array or a number; ``object`` for text.
        shape: Shape of an array in one example; None where examples differ.
    """

    kind: Literal["array", "text", "integer", "real"]
    dtype: np.dtype
    shape: tuple[int | None, ...] = ()


def fields_of(features: tfds.features.FeaturesDict) -> dict[str, Field]:
    """Returns how each feature of a data set is stored.

    Raises:
        ValueError: If a feature is neither a number, text, nor a `Tensor` with
            ``encoding="bytes"`` and at most its first dimension unknown.
    """
    fields = {}
    for name, feature in features.items():
        stored = feature.get_serialized_info()
        if isinstance(stored, Mapping):
            raise ValueError(
                f"feature {name!r} must be a number, text or a Tensor with"
                f" encoding='bytes' of one unknown dimension; got {feature!r}"
            )
        shape, dtype = tuple(feature.shape), np.dtype(feature.np_dtype)
        if isinstance(feature, tfds.features.Text):
            fields[name] = Field("text", np.dtype(object))
        elif shape and stored.shape == () and None not in shape[1:]:
            fields[name] = Field("array", dtype, shape)
        elif shape:
            raise ValueError(
                f"array {name!r} must be a Tensor with encoding='bytes', unknown in its"
                f" first dimension at most; got {feature!r}"
            )
        elif dtype.kind in "iub":
            fields[name] = Field("integer", dtype)
        elif dtype.kind == "f":
            fields[name] = Field("real", dtype)
        else:
            fields[name] = Field("text", np.dtype(object))
    return fields


def encode(columns: Columns, fields: Mapping[str, Field]) -> list[bytes]:
    """Encodes the examples of a block as framed TFRecords.

    Args:
        columns: The examples; an array feature has its field's dtype, a number any
            dtype that holds it.
        fields: How each feature is stored.

    Returns:
        The records with their lengths and checksums, in the order of the examples.

    Raises:
        ValueError: If the columns are not those of ``fields``, or their dtypes, shapes
            or lengths differ from what is expected.
    """
    count = _check(columns, fields)
    if not count:
        return []
    values = [_values(columns[name], fields[name]) for name in sorted(fields)]
    keys = [name.encode() for name in sorted(fields)]
    kinds = [fields[name].kind for name in sorted(fields)]
    lengths = np.stack([v.lengths for v in values], axis=1)
    layouts, layout_of = np.unique(lengths, axis=0, return_inverse=True)
    records: list[bytes] = [b""] * count
    for number, layout in enumerate(layouts):
        rows = np.flatnonzero(layout_of.reshape(-1) == number)
        # One layout, the usual case of a block, needs no gather.
        chosen = slice(None) if len(rows) == count else rows
        for row, record in zip(
            rows, _encode_layout(keys, kinds, values, layout, chosen), strict=True
        ):
            records[row] = record
    return records


@dataclasses.dataclass(frozen=True)
class _Values:
    """Bytes of one feature: row by row, each padded at its end to the longest."""

    matrix: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]


def _check(columns: Columns, fields: Mapping[str, Field]) -> int:
    if columns.keys() != fields.keys():
        raise ValueError(
            f"a block must have the features {sorted(fields)}; got {sorted(columns)}"
        )
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"all features of a block must have the same number of examples; got"
            f" {counts}"
        )
    for name, field in fields.items():
        column = columns[name]
        if field.kind != "array":
            continue
        fits = len(column.shape) == len(field.shape) + 1 and all(
            wanted in (None, got)
            for wanted, got in zip(field.shape, column.shape[1:], strict=True)
        )
        if not fits or column.dtype != field.dtype:
            raise ValueError(
                f"feature {name!r} must be {field.dtype} of shape {field.shape}; got"
                f" {column.dtype} of shape {column.shape[1:]}"
            )
    return next(iter(counts.values()), 0)


def _values(column: npt.NDArray, field: Field) -> _Values:
    count = len(column)
    if field.kind == "array":
        little = column.astype(column.dtype.newbyteorder("<"), copy=False)
        matrix = np.ascontiguousarray(little).view(np.uint8).reshape(count, -1)
        return _constant(matrix)
    if field.kind == "real":
        return _constant(column.astype("<f4").view(np.uint8).reshape(count, 4))
    if field.kind == "integer":
        return _varints(column)
    texts = column if column.dtype.kind == "S" else _padded_texts(column)
    matrix = np.ascontiguousarray(texts).view(np.uint8).reshape(count, -1)
    if column.dtype.kind == "S":
        lengths = np.strings.str_len(column).astype(np.int64)
    else:
        lengths = np.array([len(text) for text in column], np.int64)
    return _Values(matrix, lengths)


def _constant(matrix: npt.NDArray[np.uint8]) -> _Values:
    return _Values(matrix, np.full(len(matrix), matrix.shape[1], np.int64))


def _padded_texts(column: npt.NDArray) -> npt.NDArray:
    # Binary text may end in zero bytes, so its length is not to be read off dtype S.
    return column.astype(f"S{max(1, max(map(len, column)))}")


def _varints(column: npt.NDArray) -> _Values:
    rest = column.astype(np.int64).view(np.uint64)
    matrix = np.zeros((len(rest), 10), np.uint8)
    lengths = np.ones(len(rest), np.int64)
    for digit in range(10):
        matrix[:, digit] = rest & np.uint64(0x7F)
        rest = rest >> np.uint64(7)
        more = rest > 0
        if not more.any():
            break
        matrix[more, digit] |= 0x80
        lengths[more] += 1
    return _Values(matrix, lengths)


def _encode_layout(
    keys: Sequence[bytes],
    kinds: Sequence[str],
    values: Sequence[_Values],
    layout: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64] | slice,
) -> list[bytes]:
    """Encodes the examples ``rows``, whose values have the lengths ``layout``."""
    template = bytearray()
    places = []
    for key, kind, length in zip(keys, kinds, layout.tolist(), strict=True):
        head = _head(key, kind, length)
        template += head
        places.append(len(template))
        template += bytes(length)
    # Example: field 1 holds Features, whose field 1 holds the entries of the map.
    start = b"\x0a" + _varint(len(template))
    template = bytearray(start) + template
    size = len(template)
    header = struct.pack("<Q", size)
    frame = header + struct.pack("<I", _masked(google_crc32c.value(header)))
    count = len(values[0].lengths[rows])
    matrix = np.empty((count, len(frame) + size + 4), np.uint8)
    matrix[:, : len(frame) + size] = np.frombuffer(frame + bytes(template), np.uint8)
    for value, place, length in zip(values, places, layout.tolist(), strict=True):
        at = len(frame) + len(start) + place
        matrix[:, at : at + length] = value.matrix[rows, :length]
    raw = matrix.reshape(-1).data
    step, first = matrix.shape[1], len(frame)
    checksums = np.fromiter(
        (
            google_crc32c.value(bytes(raw[at + first : at + first + size]))
            for at in range(0, count * step, step)
        ),
        np.uint32,
        count,
    )
    matrix[:, -4:] = _masked(checksums).astype("<u4").view(np.uint8).reshape(-1, 4)
    return [bytes(raw[at : at + step]) for at in range(0, count * step, step)]


_LIST_TAG = {"array": b"\x0a", "text": b"\x0a", "real": b"\x12", "integer": b"\x1a"}
"""Field of `Feature` by kind: 1 bytes_list, 2 float_list, 3 int64_list."""


def _head(key: bytes, kind: str, length: int) -> bytes:
    """All that stands before the bytes of a value in the entry of its feature."""
    value = b"\x0a" + _varint(
        length
    )  # Field 1 of the list: a value, or packed numbers.
    listed = _LIST_TAG[kind] + _varint(len(value) + length) + value
    feature = b"\x12" + _varint(len(listed) + length) + listed
    name = b"\x0a" + _varint(len(key)) + key
    return b"\x0a" + _varint(len(name) + len(feature) + length) + name + feature


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@overload
def _masked(checksum: int) -> int: ...
@overload
def _masked(checksum: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]: ...
def _masked(
    checksum: int | npt.NDArray[np.uint32],
) -> int | npt.NDArray[np.uint32]:
    """TFRecord's mask of a CRC-32C, modulo 2**32."""
    if isinstance(checksum, int):
        return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    turned = (checksum >> np.uint32(15)) | (checksum << np.uint32(17))
    return turned + np.uint32(0xA282EAD8)
