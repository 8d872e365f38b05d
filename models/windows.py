"""Windows of patches with rasters, each with the class that fills it."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from models.sources import Source
from models.steps import UNKNOWN

PURITY = 0.9
"""Least share of a window that its class must fill; else its class is unknown."""

_SHUFFLED = 1024


@dataclasses.dataclass(frozen=True)
class Windows:
    """Square windows that patches are cut into, without overlap, row by row.

    A remainder at the right or lower edge is left out. A window whose class is unknown
    stays, so that their number is known; it counts in no loss and no score.

    Attributes:
        source: Patches: ``image [size, size, channels]`` and the raster.
        target: Raster of classes; of a window it is one number.
        patch: Rows and columns of a patch.
        size: Rows and columns of a window.

    Raises:
        ValueError: If a window does not fit into a patch.
    """

    source: Source
    target: str
    patch: int
    size: int

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.patch:
            raise ValueError(
                f"a window must fit into a patch of {self.patch} pixels; got"
                f" {self.size}"
            )

    @property
    def each(self) -> int:
        """Number of windows of a patch."""
        return (self.patch // self.size) ** 2

    def examples(self, worker: int = 0, workers: int = 1) -> int:
        """Returns how many windows a worker has."""
        return self.each * self.source.examples(worker, workers)

    def batches(
        self,
        size: int,
        *,
        shuffle_seed: int | None = None,
        drop_remainder: bool = False,
        worker: int = 0,
        workers: int = 1,
    ) -> tf.data.Dataset:
        """Returns one epoch of a worker."""
        patches = self.source.batches(
            max(1, size // self.each),
            shuffle_seed=shuffle_seed,
            worker=worker,
            workers=workers,
        )
        found = patches.map(self._cut, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
        if shuffle_seed is not None:
            found = found.shuffle(
                _SHUFFLED, shuffle_seed, reshuffle_each_iteration=False
            )
        return found.batch(size, drop_remainder=drop_remainder)

    def _cut(self, record: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns image, class and id of all windows of patches."""
        image = self._windows(record["image"])
        raster = self._windows(record[self.target][..., tf.newaxis])
        pixels = tf.reshape(tf.cast(raster, tf.int32), [-1, self.size**2])
        counts = tf.reduce_sum(tf.one_hot(pixels, UNKNOWN, dtype=tf.int32), axis=1)
        pure = tf.reduce_max(counts, axis=1) >= int(-(-PURITY * self.size**2 // 1))
        label = tf.argmax(counts, axis=1, output_type=tf.int32)
        cut = {"image": image, self.target: tf.where(pure, label, UNKNOWN)}
        if "id" in record:
            cut["id"] = tf.repeat(record["id"], self.each)
        return cut

    def _windows(self, values: tf.Tensor) -> tf.Tensor:
        """Cuts ``[batch, rows, cols, channels]`` into windows, first dimension all."""
        count, size, channels = self.patch // self.size, self.size, values.shape[-1]
        values = values[:, : count * size, : count * size]
        values = tf.reshape(values, [-1, count, size, count, size, channels])
        values = tf.transpose(values, [0, 1, 3, 2, 4, 5])
        return tf.reshape(values, [-1, size, size, channels])
