"""The one reader: shards to batches, at the speed of the disk rather than of Python.

Raw records are gathered into batches first; then a batch is parsed in one go. What
comes out is what `tfds.load` yields, batched and padded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_datasets as tfds

from tfds_eo import records, schemas

if TYPE_CHECKING:
    import tensorflow as tf
else:  # Imported at its first use: the workers that write records never need it.
    from tensorflow_datasets.core.utils.lazy_imports_utils import tensorflow as tf

FILES_AT_ONCE = 8
"""Number of shards that a shuffled reader reads in turn."""

MIXED_BATCHES = 16
"""Number of batches whose records are mixed; a shard is a mixture by itself already."""

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
    takes = [part.examples_in_shard if part.take == -1 else part.take for part in parts]
    files = tf.data.Dataset.from_tensor_slices(
        (
            [str(part.filename) for part in parts],
            np.array([part.skip for part in parts], np.int64),
            np.array(takes, np.int64),
        )
    )
    batches = files.interleave(
        lambda name, skip, take: (
            tf.data.TFRecordDataset(name, buffer_size=READ_BYTES)
            .skip(skip)
            .take(take)
            .batch(batch_size)
        ),
        cycle_length=1 if shuffle_seed is None else min(FILES_AT_ONCE, len(parts)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if shuffle_seed is not None:
        batches = _mix(batches.rebatch(MIXED_BATCHES * batch_size), shuffle_seed)
    batches = batches.rebatch(batch_size, drop_remainder=drop_remainder)
    batches = batches.map(
        _parser(fields, steps), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    whole, rest = divmod(sum(takes), batch_size)
    count = whole + (rest > 0 and not drop_remainder)
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def _mix(windows: tf.data.Dataset, seed: int) -> tf.data.Dataset:
    """Permutes the records of each window, each in its own way."""

    def permute(number: Any, window: Any) -> Any:  # noqa: ANN401 - traced tensors.
        keys = tf.random.stateless_uniform(
            tf.shape(window), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        return tf.gather(window, tf.argsort(keys))

    return windows.enumerate().map(
        permute, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


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
