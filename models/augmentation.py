"""Layers that vary ice patches as the physics of radar allows; idle at inference.

Each takes a dict of features, inputs and targets, and returns it with the ``image``
varied: HH and HV in dB and incidence angle in degrees, ``[batch, rows, cols, 3]``.
Random numbers depend on the layer's seed, on how often it was called and on the replica
alone. Sizes are fixed, so XLA compiles all of it, though it draws other numbers. In
`tf.data.map` keep the calls in order: leave ``num_parallel_calls`` out. All defaults
are our own choice.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

Features = dict[str, tf.Tensor]
"""Inputs and targets of a batch by name."""

HH, HV, ANGLE = range(3)

SLOPES = (-0.233, -0.128)
"""Change of HH and HV with the incidence angle, in dB a degree.

Means over open water, young, level and deformed ice of published statistics.
"""

NOISE_FLOOR = -32.0
"""Noise-equivalent sigma-nought of HV in dB: the order of an extra-wide swath."""

_DECIBEL = 10 / math.log(10)

# The same algorithm on every device.
uniform, normal, fold_in = (
    functools.partial(function, alg="philox")
    for function in (
        tf.random.stateless_uniform,
        tf.random.stateless_normal,
        tf.random.experimental.stateless_fold_in,
    )
)


class RandomLayer(keras.layers.Layer):
    """A layer that varies features while training, by stateless random numbers."""

    def __init__(
        self,
        *,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            seed: Decides the random numbers, with the number of the call.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(autocast=False, **kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Features, training: bool = False) -> Features:
        """Returns the features, varied in training."""
        if not training:
            return inputs
        seed = tf.bitcast(tf.cast(self.generator.next(), tf.uint32), tf.int32)
        context = tf.distribute.get_replica_context()
        # Replicas have other examples, and must not vary them in the same way.
        number = context.replica_id_in_sync_group if context else 0
        seed = fold_in(seed, number)
        return {**inputs, **self.vary(inputs, seed)}

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the features that change."""
        raise NotImplementedError(f"{type(self).__name__} must say what it varies")

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("tfds_eo")
class TurnAndFlip(RandomLayer):
    """Turns each patch by quarter turns and mirrors it, each of the eight ways alike.

    The angle is turned along with the backscatter. Every pixel so keeps the angle that
    it was seen under, which is what its brightness depends on; that the angle then
    grows in a direction in which no swath has it grow is accepted, as it changes by
    less than 0.2 degrees over a patch of 64 pixels of 40 m.

    Rasters of the same patch, such as the targets of a U-Net, are turned with it.

    Input shape: ``image [batch, size, size, 3]``, rasters ``[batch, size, size]``.
    Output shape: the same.
    """

    def __init__(
        self,
        *,
        rasters: Sequence[str] = (),
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            rasters: Features that are turned like the image.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(seed=seed, **kwargs)
        self.rasters = list(rasters)

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns image and rasters, turned alike."""
        batch = tf.shape(inputs["image"])[0]
        bits = uniform([3, batch], seed) < 0.5
        found = {}
        for name in ("image", *self.rasters):
            values = inputs[name]
            across, down, crosswise = (
                tf.reshape(one, [-1, *[1] * (values.shape.rank - 1)])
                for one in tf.unstack(bits)
            )
            order = [0, 2, 1, *range(3, values.shape.rank)]
            values = tf.where(crosswise, tf.transpose(values, order), values)
            values = tf.where(across, tf.reverse(values, [2]), values)
            found[name] = tf.where(down, tf.reverse(values, [1]), values)
        return found

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "rasters": self.rasters}


@keras.saving.register_keras_serializable("tfds_eo")
class Speckle(RandomLayer):
    """Adds the speckle of a number of looks to HH and HV, each by itself.

    Speckle multiplies intensity by a gamma variable of mean 1 and variance 1/looks; in
    dB it is added. The gamma variable is drawn by the cube of Wilson & Hilferty, which
    is near it from 4 looks on and which XLA, unlike a gamma sampler, compiles.

    Input shape: ``image [batch, rows, cols, 3]``, dB and degrees. Output shape: same.
    """

    def __init__(
        self,
        *,
        looks: float = 30.0,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            looks: Equivalent number of looks of the speckle that is added, at least 4;
                patches have speckle of about 10 looks already.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.

        Raises:
            ValueError: If ``looks`` is below 4.
        """
        super().__init__(seed=seed, **kwargs)
        if looks < 4:
            raise ValueError(f"looks must be at least 4; got {looks}")
        self.looks = looks

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the image with more speckle."""
        image = inputs["image"]
        shape = tf.shape(image[..., :ANGLE])
        deviates = normal(shape, seed)
        spread = 1 / (9 * self.looks)
        root = tf.maximum(1 - spread + deviates * math.sqrt(spread), 0.05)
        decibels = 3 * _DECIBEL * tf.math.log(root)
        return {"image": image + tf.pad(decibels, [[0, 0]] * 3 + [[0, 1]])}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "looks": self.looks}


@keras.saving.register_keras_serializable("tfds_eo")
class ShiftAngle(RandomLayer):
    """Shows each patch as if it lay nearer or farther in the swath.

    The angle moves by as much for all pixels of a patch, and HH and HV along their mean
    `SLOPES`. No angle leaves the swath: a patch moves less where it would.

    Input shape: ``image [batch, rows, cols, 3]``, dB and degrees. Output shape: same.
    """

    def __init__(
        self,
        *,
        degrees: float = 3.0,
        least: float = 18.0,
        most: float = 47.0,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            degrees: Most that an angle moves, either way.
            least: Angle at the near edge of the swath, in degrees.
            most: Angle at the far edge.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(seed=seed, **kwargs)
        self.degrees, self.least, self.most = degrees, least, most

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the image at other angles."""
        image = inputs["image"]
        angle = image[..., ANGLE]
        known = tf.math.is_finite(angle)
        low = tf.reduce_min(tf.where(known, angle, self.most), axis=[1, 2])
        high = tf.reduce_max(tf.where(known, angle, self.least), axis=[1, 2])
        shift = uniform(tf.shape(low), seed, -self.degrees, self.degrees)
        shift = tf.maximum(shift, tf.minimum(self.least - low, 0.0))
        shift = tf.minimum(shift, tf.maximum(self.most - high, 0.0))
        change = tf.constant([*SLOPES, 1.0])
        return {"image": image + shift[:, None, None, None] * change}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {
            **super().get_config(),
            "degrees": self.degrees,
            "least": self.least,
            "most": self.most,
        }


@keras.saving.register_keras_serializable("tfds_eo")
class NoiseFloor(RandomLayer):
    """Adds to HV, or takes off, a share of the thermal noise of each patch.

    Noise is taken off HV with an error, which is an offset in intensity: it shows where
    HV is dark, and hardly anywhere else. Intensity stays above a tenth of what it was.

    Input shape: ``image [batch, rows, cols, 3]``, dB and degrees. Output shape: same.
    """

    def __init__(
        self,
        *,
        share: float = 0.3,
        floor: float = NOISE_FLOOR,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            share: Most of the noise floor that is added or taken off.
            floor: Noise-equivalent sigma-nought in dB.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(seed=seed, **kwargs)
        self.share, self.floor = share, floor

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the image with another residue of noise in HV."""
        image = inputs["image"]
        batch = tf.shape(image)[0]
        residue = uniform([batch, 1, 1], seed, -self.share, self.share)
        hv = image[..., HV]
        relative = tf.exp((self.floor - hv) / _DECIBEL) * residue
        hv += _DECIBEL * tf.math.log(tf.maximum(1 + relative, 0.1))
        return {"image": tf.stack([image[..., HH], hv, image[..., ANGLE]], axis=-1)}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "share": self.share, "floor": self.floor}
