"""Layers that vary crop series as clouds and calendars would; idle at inference.

They follow the rules of `models.augmentation`. Padding behind a series is never
touched. All defaults are our own choice.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from models import augmentation
from models.augmentation import Features, RandomLayer
from tfds_eo import schemas

_CLOUD = schemas.CONDITIONS.index("cloud")


class _ShareOfDates(RandomLayer):
    """A layer that varies a share of the clear dates."""

    def __init__(
        self,
        *,
        share: float,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            share: Share of the clear dates that change, in [0, 1].
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.

        Raises:
            ValueError: If ``share`` is outside [0, 1].
        """
        super().__init__(seed=seed, **kwargs)
        if not 0 <= share <= 1:
            raise ValueError(f"share must lie in [0, 1]; got {share}")
        self.share = share

    def drawn(self, condition: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns which dates change, ``[batch, steps]``."""
        clear = tf.cast(condition, tf.int32) == schemas.CLEAR
        uniform = augmentation.uniform(tf.shape(condition), seed)
        return clear & (uniform < self.share)

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable("tfds_eo")
class DropDates(_ShareOfDates):
    """Makes clear dates cloudy, which a model does not look at.

    A series that would lose all its clear dates keeps them.

    Input shape: ``condition [batch, steps]``. Output shape: the same.
    """

    def __init__(
        self,
        *,
        share: float = 0.2,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        super().__init__(share=share, seed=seed, **kwargs)

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the condition with fewer clear dates."""
        condition = inputs["condition"]
        code = tf.cast(condition, tf.int32)
        drawn = self.drawn(condition, seed)
        left = tf.reduce_any((code == schemas.CLEAR) & ~drawn, axis=1, keepdims=True)
        code = tf.where(drawn & left, _CLOUD, code)
        return {"condition": tf.cast(code, condition.dtype)}


@keras.saving.register_keras_serializable("tfds_eo")
class HideCloud(_ShareOfDates):
    """Veils clear dates by thin cloud that the mask has missed.

    All bands of a date are mixed with a bright, grey reflectance; the condition stays.

    Input shape: ``reflectance [batch, steps, bands]`` x 10000, ``condition [batch,
        steps]``. Output shape: the same.
    """

    def __init__(
        self,
        *,
        share: float = 0.05,
        thickest: float = 0.5,
        brightness: float = 6000.0,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            share: Share of the clear dates that are veiled.
            thickest: Most of the light that comes from the cloud, in [0, 1].
            brightness: Reflectance x 10000 of the cloud.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(share=share, seed=seed, **kwargs)
        self.thickest, self.brightness = thickest, brightness

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the reflectance, partly veiled."""
        reflectance, condition = inputs["reflectance"], inputs["condition"]
        which, much = _two(seed)
        mixed = augmentation.uniform(tf.shape(condition), much, 0.0, self.thickest)
        mixed = tf.where(self.drawn(condition, which), mixed, 0.0)[..., None]
        values = tf.cast(reflectance, tf.float32)
        values += mixed * (self.brightness - values)
        return {"reflectance": _like(values, reflectance)}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {
            **super().get_config(),
            "thickest": self.thickest,
            "brightness": self.brightness,
        }


@keras.saving.register_keras_serializable("tfds_eo")
class JitterDates(RandomLayer):
    """Moves each date by a few days, less than half the way to its neighbours.

    The order of the dates so stays as it is.

    Input shape: ``date [batch, steps]`` in days, non-decreasing as far as ``condition
        [batch, steps]`` is not padding. Output shape: the same.
    """

    def __init__(
        self,
        *,
        days: int = 3,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            days: Most that a date moves, either way.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(seed=seed, **kwargs)
        self.days = days

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the dates, moved."""
        date = tf.cast(inputs["date"], tf.int32)
        inside = tf.cast(inputs["condition"], tf.int32) != schemas.PADDING["condition"]
        # No neighbour, or padding: free to move by all the days.
        gap = tf.where(inside[:, 1:], date[:, 1:] - date[:, :-1], 3 * self.days)
        gap = tf.maximum((gap - 1) // 2, 0)
        before = tf.pad(gap, [[0, 0], [1, 0]], constant_values=self.days)
        after = tf.pad(gap, [[0, 0], [0, 1]], constant_values=self.days)
        uniform = augmentation.uniform(tf.shape(date), seed)
        drawn = tf.cast(tf.floor(uniform * (2 * self.days + 1)), tf.int32) - self.days
        drawn = tf.clip_by_value(drawn, -before, after)
        moved = tf.where(inside, date + drawn, date)
        return {"date": tf.cast(moved, inputs["date"].dtype)}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "days": self.days}


@keras.saving.register_keras_serializable("tfds_eo")
class BandNoise(RandomLayer):
    """Multiplies each band of a series by a gain, and adds noise to each value.

    A gain is what calibration and atmosphere leave, alike for all dates of a series.

    Input shape: ``reflectance [batch, steps, bands]`` x 10000, ``condition [batch,
        steps]``. Output shape: the same.
    """

    def __init__(
        self,
        *,
        gain: float = 0.03,
        noise: float = 60.0,
        seed: int = 0,
        **kwargs: Any,  # noqa: ANN401 - Keras's own.
    ) -> None:
        """Makes the layer.

        Args:
            gain: Standard deviation of the gain, which is 1 on average.
            noise: Standard deviation of the noise, reflectance x 10000.
            seed: Decides the random numbers.
            **kwargs: Name and dtype policy, as every Keras layer takes them.
        """
        super().__init__(seed=seed, **kwargs)
        self.gain, self.noise = gain, noise

    def vary(self, inputs: Features, seed: tf.Tensor) -> Features:
        """Returns the reflectance with gain and noise."""
        reflectance = inputs["reflectance"]
        values = tf.cast(reflectance, tf.float32)
        size = tf.shape(values)
        first, second = _two(seed)
        gain = augmentation.normal([size[0], 1, size[2]], first, 1.0, self.gain)
        noise = augmentation.normal(size, second, 0.0, self.noise)
        inside = tf.cast(inputs["condition"], tf.int32) != schemas.PADDING["condition"]
        varied = tf.where(inside[..., None], values * gain + noise, values)
        return {"reflectance": _like(varied, reflectance)}

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made of."""
        return {**super().get_config(), "gain": self.gain, "noise": self.noise}


def _two(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns two independent seeds."""
    fold = augmentation.fold_in
    return fold(seed, 1), fold(seed, 2)


def _like(values: tf.Tensor, original: tf.Tensor) -> tf.Tensor:
    """Returns values as the type that reflectance is stored in, rounded."""
    if not original.dtype.is_integer:
        return tf.cast(values, original.dtype)
    most = min(original.dtype.max, 65535)
    return tf.cast(tf.round(tf.clip_by_value(values, 0.0, float(most))), original.dtype)
