"""From dB and degrees to what an ice network likes, inside the model."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from models import augmentation, scaling

INPUTS = ("image",)
"""What an ice model reads of a record of `tfds_eo.schemas.ice_patch`."""

ICE_MEAN = (-13.418, -27.005, 34.1)
"""Mean of HH in dB, HV in dB and incidence angle in degrees.

As published with a baseline for MET Norway's scenes, denoised, at 80 m.
"""

ICE_DEVIATION = (5.422, 5.099, 7.831)
"""Standard deviation of each channel, from the same place as `ICE_MEAN`."""


@keras.saving.register_keras_serializable("tfds_eo")
class TakeChannels(keras.layers.Layer):
    """Keeps some channels of an image, such as HH and HV without the angle.

    Input shape: ``[batch, rows, cols, channels]``.
    Output shape: ``[batch, rows, cols, kept]``.
    """

    def __init__(
        self,
        channels: Sequence[int],
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            channels: Numbers of the channels to keep, from 0, in their new order.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(autocast=False, **kwargs)
        self.channels = [int(channel) for channel in channels]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the channels that are kept."""
        return tf.stack([inputs[..., channel] for channel in self.channels], axis=-1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape with fewer channels."""
        return (*input_shape[:-1], len(self.channels))

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable("tfds_eo")
class FillMissing(keras.layers.Layer):
    """Puts 0, the mean once standardised, where a pixel is NaN or infinite.

    Sigma-nought in dB is NaN without data and minus infinity for an intensity of 0.

    Input shape: any, floating. Output shape: the same.
    """

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Keras's own.
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the input without what is not finite."""
        return tf.where(tf.math.is_finite(inputs), inputs, tf.zeros_like(inputs))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable("tfds_eo")
class Decibels(keras.layers.Layer):
    """Turns amplitudes, the digital numbers of a product, into decibels.

    Input shape: any, integer. Output shape: the same, float32, ``20 log10``; minus
        infinity for 0, which is no data.
    """

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Keras's own.
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the decibels."""
        return tf.math.log(tf.cast(inputs, tf.float32)) * (20 / math.log(10))

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Returns shape and type of the output."""
        return keras.KerasTensor(inputs.shape, "float32")


def image_input(
    size: int | None,
    *,
    mean: Sequence[float],
    standard_deviation: Sequence[float],
    use: Sequence[int] | None,
    dtype: str = "float32",
) -> tuple[dict[str, keras.KerasTensor], keras.KerasTensor]:
    """Returns the inputs of a model, and the image standardised.

    Input shape: ``image [batch, size, size, channels]`` float32, physical units, NaN or
        infinite where there is no data.

    Args:
        size: Rows and columns; None for any.
        mean: Mean of each channel of the image, in its unit; one a channel.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.
        dtype: Type of the image. Integers are amplitudes as a product holds them, of
            which `Decibels` come before anything else.

    Raises:
        ValueError: If ``use`` names a channel that the image has not.
    """
    channels = len(mean)
    if use is not None and (not use or not 0 <= min(use) <= max(use) < channels):
        raise ValueError(
            f"use must name channels of [0, {channels}); got {tuple(use)!r}"
        )
    image = keras.Input((size, size, channels), dtype=dtype, name="image")
    values = Decibels(name="decibels")(image) if "int" in dtype else image
    values = scaling.Standardise(mean, standard_deviation, name="standardise")(values)
    values = FillMissing(name="fill_missing")(values)
    if use is not None:
        values = TakeChannels(use, name="take_channels")(values)
    return {"image": image}, values


def normalise(values: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalises a batch; its statistics are those of all replicas of all workers.

    Without ``synchronized`` the moving statistics of the workers would drift apart. The
    momentum is less than Keras's, as epochs of few patches have few steps.
    """
    layer = keras.layers.BatchNormalization(momentum=0.9, synchronized=True, name=name)
    return layer(values)


def check_sizes(**sizes: int | None) -> None:
    """Checks that sizes that are given are at least 1.

    Raises:
        ValueError: If one is not.
    """
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{name} must be at least 1; got {size}")


def augmentations() -> tuple[Callable[[], keras.layers.Layer], ...]:
    """Returns what makes the layers that vary patches in our experiments, in order.

    Each has a seed of its own, lest their random numbers go together.
    """
    return (
        functools.partial(augmentation.TurnAndFlip, seed=1),
        functools.partial(augmentation.ShiftAngle, seed=2),
        functools.partial(augmentation.NoiseFloor, seed=3),
        functools.partial(augmentation.Speckle, seed=4),
    )
