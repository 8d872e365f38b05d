"""The one reader: shards to batches, at the speed of the disk rather than of Python.

Raw records are gathered into batches first; then a batch is parsed in one go. What
comes out is what `tfds.load` yields, batched and padded.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_datasets as tfds

from tfds_eo import records, schemas

if TYPE_CHECKING:
    import tensorflow as tf
else:  # Imported at its first use: the workers that write records never need it.
    from tensorflow_datasets.core.utils.lazy_imports_utils import tensorflow as tf

FILES_AT_ONCE = 4
"""Number of shards that a shuffled reader reads in turn."""

RECORDS_AT_ONCE = 64
"""Number of records that are taken from a shard before it is the next one's turn."""

MIXED_BATCHES = 16
"""Number of batches whose records are mixed; a shard is a mixture by itself already."""

MIXED_BYTES = 64 << 20
"""Size of records that are mixed, at most; one batch at least."""

READ_BYTES = 1 << 20
"""Size of a read from a shard."""


def read_batches(
    builder: tfds.core.DatasetBuilder,
    split: str,
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
    drop_remainder: bool = False,
    worker: int = 0,
    workers: int = 1,
    steps: int | None = None,
) -> tf.data.Dataset:
    """Returns the records of a split in batches, as `tfds.load` decodes them.

    Features whose first dimension is unknown are padded at its end to the longest of
    the batch (and to 1 at least), with `schemas.PADDING`, else 0.

    Args:
        builder: Builder of a prepared data set.
        split: Name of a split, or a slice of one as TFDS writes it: ``train[:10%]``.
        batch_size: Number of records in a batch.
        shuffle_seed: Decides the order: the same seed, the same order. None reads shard
            after shard.
        drop_remainder: Whether a last batch that is not full is left out.
        worker: Number of this worker. A worker reads every ``workers``-th shard, so no
            record is read twice.
        workers: Number of workers that share the split.
        steps: Length to which the unknown dimension is padded or cut; None pads to the
            longest of the batch.

    Returns:
        A data set of dicts by feature name, of tensors ``[batch, ...]``.

    Raises:
        ValueError: If there are fewer shards than workers.
    """
    fields = records.fields_of(builder.info.features)
    parts = builder.info.splits[split].file_instructions
    if len(parts) < workers:
        raise ValueError(
            f"split {split!r} of {builder.info.full_name} must have a shard for each of"
            f" {workers} workers; it has {len(parts)}: prepare it with more shards"
        )
    parts = parts[worker::workers]
    if shuffle_seed is not None:
        order = np.random.default_rng(shuffle_seed).permutation(len(parts))
        parts = [parts[place] for place in order]
    raw = _records(parts, at_once=1 if shuffle_seed is None else FILES_AT_ONCE)
    parse = _parser(fields, steps)
    if shuffle_seed is None:
        batches = raw.batch(batch_size, drop_remainder).map(
            parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
    else:
        info = builder.info.splits[split.partition("[")[0]]
        record = info.num_bytes // info.num_examples
        mixed = MIXED_BYTES // (record * batch_size)
        window = batch_size * max(1, min(MIXED_BATCHES, mixed))
        batches = _mixed(raw, window, batch_size, drop_remainder, shuffle_seed, parse)
    whole, rest = divmod(sum(part.take for part in parts), batch_size)
    count = whole + (rest > 0 and not drop_remainder)
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def _records(parts: Sequence[Any], *, at_once: int) -> tf.data.Dataset:
    """Returns the serialised records of shards, or of parts of shards, one by one."""

    def of_files(names: Any) -> tf.data.Dataset:  # noqa: ANN401 - a path or paths.
        return tf.data.TFRecordDataset(names, buffer_size=READ_BYTES)

    names = [os.fspath(part.filename) for part in parts]
    turns = {
        "cycle_length": min(at_once, len(names)),
        "block_length": RECORDS_AT_ONCE,
    }
    if any(part.skip or not part.takes_all for part in parts):
        slices = (
            names,
            np.array([part.skip for part in parts], np.int64),
            np.array([part.take for part in parts], np.int64),
        )
        return tf.data.Dataset.from_tensor_slices(slices).interleave(
            lambda name, skip, take: of_files(name).skip(skip).take(take), **turns
        )
    if at_once == 1:  # Faster than turns of one.
        return of_files(names)
    return tf.data.Dataset.from_tensor_slices(names).interleave(of_files, **turns)


def _mixed(
    raw: tf.data.Dataset,
    window: int,
    batch_size: int,
    drop_remainder: bool,
    seed: int,
    parse: Callable[[Any], dict[str, Any]],
) -> tf.data.Dataset:
    """Parses batches of records that are drawn from windows, each in its own order.

    A record is copied once, from its window to its batch. ``window`` is a multiple of
    ``batch_size``, so only the last batch of the last window is not full.
    """

    def batches_of(number: Any, records: Any) -> tf.data.Dataset:  # noqa: ANN401
        count = tf.size(records, tf.int64)
        keys = tf.random.stateless_uniform(
            [count], seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        order = tf.argsort(keys)
        full = count // batch_size * batch_size
        starts = tf.data.Dataset.range(0, full if drop_remainder else count, batch_size)
        return starts.map(
            lambda at: parse(tf.gather(records, order[at : at + batch_size]))
        )

    return raw.batch(window).prefetch(1).enumerate().flat_map(batches_of)


def _parser(
    fields: Mapping[str, records.Field], steps: int | None
) -> Callable[[Any], dict[str, Any]]:
    """Returns the function that turns serialised records ``[batch]`` into a batch."""
    stored = {"array": tf.string, "text": tf.string}
    stored |= {"integer": tf.int64, "real": tf.float32}
    spec = {
        name: tf.io.FixedLenFeature((), stored[field.kind])
        for name, field in fields.items()
    }

    def parse(serialised: Any) -> dict[str, Any]:  # noqa: ANN401 - traced tensors.
        raw = tf.io.parse_example(serialised, spec)
        return {name: _decode(raw[name], name, fields[name], steps) for name in fields}

    return parse


def _decode(raw: Any, name: str, field: records.Field, steps: int | None) -> Any:  # noqa: ANN401 - traced tensors.
    if field.kind == "text":
        return raw
    if field.kind != "array":
        return tf.cast(raw, field.dtype)
    inner = [size for size in field.shape if size is not None]
    # Bytes of one step of a series, or of the whole array.
    stride = math.prod(inner) * field.dtype.itemsize
    if field.shape[0] is not None:
        decoded = tf.io.decode_raw(raw, field.dtype, fixed_length=stride)
        return tf.reshape(decoded, [-1, *inner])
    lengths = tf.strings.length(raw) // stride
    longest = steps or tf.maximum(tf.reduce_max(lengths), 1)
    decoded = tf.io.decode_raw(raw, field.dtype, fixed_length=longest * stride)
    decoded = tf.reshape(decoded, [-1, longest, *inner])
    padding = schemas.PADDING.get(name, 0)
    if not padding:
        return decoded
    inside = tf.sequence_mask(lengths, longest)
    inside = tf.reshape(inside, [-1, longest, *[1] * len(inner)])
    return tf.where(inside, decoded, tf.constant(padding, field.dtype))
