"""Layers from physical units to what a network likes; saved inside the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

CROP_MEAN = (534.0, 786.0, 831.0, 1298.0, 2434.0, 2784.0, 3079.0, 2203.0, 1463.0)
"""Mean of each of `tfds_eo.schemas.CROP_BANDS`, reflectance x 10000.

Over the training data of TimeSen2Crop, as published with its public baselines.
"""

CROP_DEVIATION = (350.0, 386.0, 548.0, 526.0, 848.0, 1055.0, 1173.0, 780.0, 732.0)
"""Standard deviation of each of the bands, from the same place as `CROP_MEAN`."""


@keras.saving.register_keras_serializable("tfds_eo")
class Standardise(keras.layers.Layer):
    """Takes the mean of each band away and divides by its standard deviation.

    The numbers are fixed when the layer is made, so nothing is learnt or adapted.
    Computes in float32 whatever the dtype policy, as float16 ends at 65504.

    Input shape: ``[..., bands]``, any integer or floating type, physical units.
    Output shape: ``[..., bands]``, no unit; the policy's compute type.
    """

    def __init__(
        self,
        mean: Sequence[float],
        standard_deviation: Sequence[float],
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            mean: Mean of each band, in the unit of the input.
            standard_deviation: Standard deviation of each band, above 0.
            **kwargs: Name and dtype policy, as every Keras layer takes them.

        Raises:
            ValueError: If the two differ in length, or a number is not finite, or a
                standard deviation is not above 0.
        """
        super().__init__(autocast=False, **kwargs)
        self.mean = [float(value) for value in mean]
        self.standard_deviation = [float(value) for value in standard_deviation]
        if len(self.mean) != len(self.standard_deviation):
            raise ValueError(
                "mean and standard_deviation must have one number a band each; got"
                f" {len(self.mean)} and {len(self.standard_deviation)}"
            )
        if not np.all(np.isfinite(self.mean)):
            raise ValueError(f"mean must be finite; got {self.mean}")
        if not all(0 < value < np.inf for value in self.standard_deviation):
            raise ValueError(
                f"standard_deviation must be above 0; got {self.standard_deviation}"
            )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that the input has as many bands as the layer has numbers."""
        if input_shape[-1] != len(self.mean):
            raise ValueError(
                f"layer {self.name!r} knows {len(self.mean)} bands; its input has"
                f" {input_shape[-1]}"
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the standardised values."""
        mean = tf.constant(self.mean, tf.float32)
        scale = tf.constant([1 / value for value in self.standard_deviation])
        scaled = (tf.cast(inputs, tf.float32) - mean) * scale
        return tf.cast(scaled, self.compute_dtype)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {
            **super().get_config(),
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
        }
