"""A small U-Net from a Sentinel-1 patch to the rasters of an ice chart.

After Ronneberger et al. 2015 and the U-Nets of the AutoICE challenge, which share one
body for concentration, stage and floe size; depth and widths are our own choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from models import autoice_metrics, ice_inputs


def unet(
    targets: Mapping[str, int] = autoice_metrics.TARGETS,
    *,
    size: int | None = None,
    width: int = 16,
    depth: int = 3,
    mean: Sequence[float] = ice_inputs.ICE_MEAN,
    standard_deviation: Sequence[float] = ice_inputs.ICE_DEVIATION,
    use: Sequence[int] | None = None,
) -> keras.Model:
    """Returns an untrained U-Net with one output a target.

    Input shape: a dict of ``image [batch, rows, cols, channels]``, float32, rows and
        cols multiples of ``2 ** depth``; physical units, NaN where there is no data.
    Output shape: a dict of logits ``[batch, rows, cols, classes]`` by target, float32
        under any dtype policy.

    Args:
        targets: Number of classes of each target.
        size: Rows and columns of the input; None for any.
        width: Channels at full resolution; each level below has twice as many.
        depth: Number of poolings.
        mean: Mean of each channel, in its unit; their number is that of the channels.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.

    Raises:
        ValueError: If a size is below 1, or ``size`` no multiple of ``2 ** depth``.
    """
    ice_inputs.check_sizes(width=width, depth=depth, size=size)
    if not targets:
        raise ValueError("targets must name at least one target; got none")
    if size is not None and size % 2**depth:
        raise ValueError(
            f"size must be a multiple of {2**depth}, for {depth} poolings; got {size}"
        )
    inputs, values = ice_inputs.image_input(
        size, mean=mean, standard_deviation=standard_deviation, use=use
    )
    beside = []
    for level in range(depth):
        values = _convolve_twice(values, width * 2**level, f"down_{level}")
        beside.append(values)
        values = keras.layers.MaxPooling2D(2, name=f"pool_{level}")(values)
    values = _convolve_twice(values, width * 2**depth, "bottom")
    for level in reversed(range(depth)):
        values = keras.layers.UpSampling2D(2, name=f"enlarge_{level}")(values)
        values = keras.layers.Concatenate(name=f"join_{level}")([beside[level], values])
        values = _convolve_twice(values, width * 2**level, f"up_{level}")
    logits = {
        target: keras.layers.Conv2D(classes, 1, dtype="float32", name=target)(values)
        for target, classes in targets.items()
    }
    return keras.Model(inputs, logits, name="unet")


def _convolve_twice(
    values: keras.KerasTensor, channels: int, name: str
) -> keras.KerasTensor:
    for letter in "ab":
        values = keras.layers.Conv2D(
            channels, 3, padding="same", use_bias=False, name=f"{name}{letter}"
        )(values)
        values = ice_inputs.normalise(values, f"{name}{letter}_normalise")
        values = keras.layers.Activation("relu", name=f"{name}{letter}_relu")(values)
    return values
