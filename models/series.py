"""Layers that turn irregular, cloudy series into what an LSTM, and cuDNN, accept."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfds_eo import schemas

SEASON_START = 243
"""1 September in days since 1 January: the agronomic year of Central Europe begins."""

YEAR = 365.2425
"""Days of a mean Gregorian year."""


@keras.saving.register_keras_serializable("tfds_eo")
class KeepClearDates(keras.layers.Layer):
    """Moves the clear dates of each series to the left and fills up with zeros.

    The mask is true at the clear dates only, hence strictly right-padded. A series
    without a clear date keeps one date of zeros, so that no mask is empty (cuDNN's
    condition) and every series has logits. Nothing of the other dates, nor how many
    there are, is left in the output.

    Input shape: a dict of ``reflectance [batch, steps, bands]``, ``condition [batch,
        steps]`` (0 is clear) and ``date [batch, steps]`` (days since 1970-01-01).
    Output shape: reflectance ``[batch, kept, bands]`` and date ``[batch, kept]`` as
        float32, mask ``[batch, kept]`` as bool.
    """

    def __init__(
        self,
        *,
        trim: bool = True,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            trim: Whether the output ends with the longest series of the batch, which
                saves steps, or is as long as the input, which must then have a date:
                XLA and TPUs need fixed sizes.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(autocast=False, **kwargs)
        self.trim = trim

    def call(
        self, inputs: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns reflectance, date and mask of the dates that are kept."""
        # Types first: there are GPU kernels for few operations on uint16 and uint8.
        reflectance = tf.cast(inputs["reflectance"], tf.float32)
        date = tf.cast(inputs["date"], tf.float32)
        clear = tf.cast(inputs["condition"], tf.int32) == schemas.CLEAR
        if self.trim:  # One more date, lest a batch of series of no date has none.
            reflectance = tf.pad(reflectance, [[0, 0], [0, 1], [0, 0]])
            date = tf.pad(date, [[0, 0], [0, 1]])
            clear = tf.pad(clear, [[0, 0], [0, 1]])
        steps = tf.shape(clear)[1]
        place = tf.range(steps)[tf.newaxis]
        order = tf.argsort(tf.where(clear, place, place + steps), axis=1)
        count = tf.reduce_sum(tf.cast(clear, tf.int32), axis=1, keepdims=True)
        if self.trim:
            kept = tf.maximum(tf.reduce_max(count), 1)
            order, place = order[:, :kept], place[:, :kept]
        seen = place < count
        reflectance = tf.gather(reflectance, order, batch_dims=1)
        date = tf.gather(date, order, batch_dims=1)
        return (
            tf.where(seen[..., tf.newaxis], reflectance, 0.0),
            tf.where(seen, date, 0.0),
            place < tf.maximum(count, 1),
        )

    def compute_output_spec(
        self, inputs: dict[str, keras.KerasTensor]
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
        """Returns shapes and types of the output."""
        batch, steps, bands = inputs["reflectance"].shape
        kept = None if self.trim else steps
        return (
            keras.KerasTensor((batch, kept, bands), "float32"),
            keras.KerasTensor((batch, kept), "float32"),
            keras.KerasTensor((batch, kept), "bool"),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "trim": self.trim}


@keras.saving.register_keras_serializable("tfds_eo")
class TimeOfSeason(keras.layers.Layer):
    """Says of each date where in the agronomic year it lies, and how long the gap was.

    Three numbers: sine and cosine of the position in the year, and the days since the
    previous date of the series as ``log(1 + days) / log(32)``, about 1 after a month;
    0 for the first date. The year itself does not show, so a model meets no date that
    it has never seen. Our own choice.

    Input shape: date ``[batch, kept]`` in days since 1970-01-01, non-decreasing as far
        as the mask goes, and that mask.
    Output shape: ``[batch, kept, 3]``, 0 where the mask is false.
    """

    def __init__(
        self,
        start: int = SEASON_START,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            start: Day of the year, from 0, on which the agronomic year begins.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(autocast=False, **kwargs)
        self.start = start

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns the three numbers of each date."""
        date, mask = inputs
        date = tf.cast(date, tf.float32)
        angle = tf.math.floormod(date - self.start, YEAR) * (2 * math.pi / YEAR)
        days = tf.maximum(date[:, 1:] - date[:, :-1], 0.0)
        gap = tf.pad(tf.math.log1p(days) / math.log(32), [[0, 0], [1, 0]])
        found = tf.stack([tf.sin(angle), tf.cos(angle), gap], axis=-1)
        found = tf.where(mask[..., tf.newaxis], found, 0.0)
        return tf.cast(found, self.compute_dtype)

    def compute_output_spec(
        self, inputs: tuple[keras.KerasTensor, keras.KerasTensor]
    ) -> keras.KerasTensor:
        """Returns shape and type of the output."""
        return keras.KerasTensor((*inputs[0].shape, 3), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable("tfds_eo")
class PoolDates(keras.layers.Layer):
    """Mean and maximum over the dates that the mask lets through, side by side.

    Input shape: values ``[batch, kept, units]`` and mask ``[batch, kept]``, true at
        least once a series.
    Output shape: ``[batch, 2 * units]``.
    """

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Keras's own.
        super().__init__(**kwargs)
        self.supports_masking = True  # A mask that comes along is the one given.

    def compute_mask(
        self, inputs: tuple[tf.Tensor, tf.Tensor], previous_mask: object = None
    ) -> None:
        """Returns None: there are no dates left to mask."""

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns the pooled values."""
        values, mask = inputs
        mask = tf.cast(mask, tf.bool)[..., tf.newaxis]
        # Sums in float32: half precision loses what 70 dates add up to.
        sums = tf.reduce_sum(tf.where(mask, tf.cast(values, tf.float32), 0.0), axis=1)
        mean = sums / tf.reduce_sum(tf.cast(mask, tf.float32), axis=1)
        most = tf.reduce_max(tf.where(mask, values, values.dtype.min), axis=1)
        return tf.concat([tf.cast(mean, values.dtype), most], axis=-1)

    def compute_output_spec(
        self, inputs: tuple[keras.KerasTensor, keras.KerasTensor]
    ) -> keras.KerasTensor:
        """Returns shape and type of the output."""
        values = inputs[0]
        return keras.KerasTensor((values.shape[0], 2 * values.shape[2]), values.dtype)
