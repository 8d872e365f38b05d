"""A small CNN for patches of Sentinel-1 scenes, the incidence angle as a channel.

After the ad-hoc CNN of Khaleghian et al. 2021, whose layers are not at hand, and the
open baseline of Boulze et al. 2020: three convolutions, up to three poolings (10 pixels
leave room for none) and a small dense head. Widths are our own choice. No convolution
is padded, so nothing that a patch sees depends on where it was cut: the same weights
predict a whole tile.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from models import ice_inputs

SIZES = (10, 20, 32, 64)
"""Rows and columns of the patches that the network was laid out for."""

_POOLINGS = {10: 0, 20: 2, 32: 2, 64: 3}


def ice_cnn(
    classes: int,
    *,
    size: int,
    tile: bool = False,
    width: int = 32,
    dropout: float = 0.1,
    mean: Sequence[float] = ice_inputs.ICE_MEAN,
    standard_deviation: Sequence[float] = ice_inputs.ICE_DEVIATION,
    use: Sequence[int] | None = None,
) -> keras.Model:
    """Returns an untrained classifier of patches, or its fully convolutional form.

    Both forms have the same weights in the same order. The second one gives, at place
    ``[row, col]``, what the first gives for the patch whose upper-left pixel is
    ``stride(size) * (row, col)``.

    Input shape: a dict of ``image [batch, size, size, channels]``, float32: HH and HV
        in dB, incidence angle in degrees by default; NaN where there is no data. The
        fully convolutional form takes any rows and cols from ``size`` on.
    Output shape: logits ``[batch, classes]``, float32 under any dtype policy; of the
        second form ``[batch, (rows - size) // stride + 1, ..., classes]``.

    Args:
        classes: Number of classes.
        size: Rows and columns of a patch, one of `SIZES`.
        tile: True for the fully convolutional form.
        width: Channels of the first convolution; the later ones have twice as many.
        dropout: Share of values that is dropped before the last layer in training.
        mean: Mean of each channel, in its unit; their number is that of the channels.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.

    Raises:
        ValueError: If ``size`` is none of `SIZES`, another size is below 1, or
            ``dropout`` outside [0, 1).
    """
    ice_inputs.check_sizes(classes=classes, width=width)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1); got {dropout}")
    poolings = _poolings(size)
    inputs, values = ice_inputs.image_input(
        None if tile else size,
        mean=mean,
        standard_deviation=standard_deviation,
        use=use,
    )
    left = size
    for number in range(1, 4):
        values = keras.layers.Conv2D(
            width * min(number, 2), 3, use_bias=False, name=f"conv_{number}"
        )(values)
        values = ice_inputs.normalise(values, f"normalise_{number}")
        values = keras.layers.Activation("relu", name=f"relu_{number}")(values)
        left -= 2
        if number <= poolings:
            values = keras.layers.MaxPooling2D(2, name=f"pool_{number}")(values)
            left //= 2
    # A dense layer over what is left of the patch, as a convolution.
    values = keras.layers.Conv2D(2 * width, left, activation="relu", name="dense")(
        values
    )
    if dropout:
        values = keras.layers.Dropout(dropout, name="dropout")(values)
    logits = keras.layers.Conv2D(classes, 1, dtype="float32", name="logits")(values)
    if not tile:
        logits = keras.layers.Reshape((classes,), dtype="float32", name="patch")(logits)
    return keras.Model(inputs, logits, name="ice_cnn_tile" if tile else "ice_cnn")


def stride(size: int) -> int:
    """Returns the distance in pixels of what the fully convolutional form predicts."""
    return 2 ** _poolings(size)


def _poolings(size: int) -> int:
    """Returns how many 2 x 2 poolings the network for a size of patch has."""
    if size not in _POOLINGS:
        raise ValueError(
            f"size must be one of {', '.join(map(str, SIZES))}; got {size}"
        )
    return _POOLINGS[size]
