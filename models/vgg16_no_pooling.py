"""VGG-16 without its poolings, so that a whole tile is predicted at full resolution.

After the modified VGG-16 of Khaleghian et al. 2021, whose layers are not at hand.
Convolutions are dilated in place of poolings, as far as the patch allows, and none is
padded, so that a patch gets the same logits wherever in a tile it lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from models import ice_inputs, vgg16

CONVOLUTIONS = sum(convolutions for _, convolutions in vgg16.BLOCKS)
"""Number of convolutions."""


def vgg16_no_pooling(
    classes: int,
    *,
    size: int,
    tile: bool = False,
    width: float = 0.5,
    head: int = 256,
    dropout: float = 0.5,
    mean: Sequence[float] = ice_inputs.ICE_MEAN,
    standard_deviation: Sequence[float] = ice_inputs.ICE_DEVIATION,
    use: Sequence[int] | None = None,
) -> keras.Model:
    """Returns an untrained classifier of patches, or its fully convolutional form.

    Both forms have the same weights in the same order. The second one gives, at place
    ``[row, col]``, what the first gives for the patch whose upper-left pixel is there.
    A feature before the mean sees `receptive_field` pixels, a logit the whole patch.

    Input shape: a dict of ``image [batch, size, size, channels]``, float32: HH and HV
        in dB, incidence angle in degrees by default; NaN where there is no data. The
        fully convolutional form takes any rows and cols from ``size`` on.
    Output shape: logits ``[batch, classes]``, float32 under any dtype policy; of the
        second form ``[batch, rows - size + 1, cols - size + 1, classes]``.

    Args:
        classes: Number of classes.
        size: Rows and columns of a patch, at least 3.
        tile: True for the fully convolutional form.
        width: Times as many channels as the original has. Without poolings all layers
            work at full resolution; half the channels is a quarter of the work.
        head: Units of the dense layer.
        dropout: Share of them that is dropped in training.
        mean: Mean of each channel, in its unit; their number is that of the channels.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.

    Raises:
        ValueError: If a number is out of range.
    """
    vgg16.check_arguments(
        classes=classes, size=size, width=width, head=head, dropout=dropout
    )
    rates = iter(dilations(size))
    inputs, values = ice_inputs.image_input(
        None if tile else size,
        mean=mean,
        standard_deviation=standard_deviation,
        use=use,
    )
    for block, (channels, convolutions) in enumerate(vgg16.BLOCKS, 1):
        for number in range(1, convolutions + 1):
            rate = next(rates)
            values = vgg16.convolve(
                values,
                f"block{block}_conv{number}",
                round(channels * width),
                normalised=True,
                size=3 if rate else 1,
                dilation=max(rate, 1),
                padding="valid",
            )
    left = size - receptive_field(size) + 1
    if left > 1:
        values = keras.layers.AveragePooling2D(left, strides=1, name="mean")(values)
    values = keras.layers.Conv2D(head, 1, activation="relu", name="dense")(values)
    if dropout:
        values = keras.layers.Dropout(dropout, name="dropout")(values)
    logits = keras.layers.Conv2D(classes, 1, dtype="float32", name="logits")(values)
    if not tile:
        logits = keras.layers.Reshape((classes,), dtype="float32", name="patch")(logits)
    name = "vgg16_no_pooling_tile" if tile else "vgg16_no_pooling"
    return keras.Model(inputs, logits, name=name)


def dilations(size: int) -> list[int]:
    """Returns the dilation of each convolution; 0 stands for one of 1 x 1 pixel.

    The poolings of the original double the step from block to block: 1, 2, 4, 8, 16.
    The largest power of two at which growth must end, for the receptive field to fit
    into a patch, is taken. Patches below 27 pixels have not even room for 13 undilated
    convolutions of 3 x 3: the last ones are 1 x 1.

    Args:
        size: Rows and columns of a patch, at least 3.

    Raises:
        ValueError: If ``size`` is below 3.
    """
    if size < 3:
        raise ValueError(f"size must be at least 3; got {size}")
    for most in (16, 8, 4, 2, 1):
        found = [
            min(2**block, most)
            for block, (_, convolutions) in enumerate(vgg16.BLOCKS)
            for _ in range(convolutions)
        ]
        if 1 + 2 * sum(found) <= size:
            return found
    wide = (size - 1) // 2
    return [1] * wide + [0] * (CONVOLUTIONS - wide)


def receptive_field(size: int) -> int:
    """Returns how many pixels wide an area is that one feature sees.

    It is 9 for patches of 10 pixels, 19 for 20, 27 for 32, 49 for 64 and 181 for 256.
    """
    return 1 + 2 * sum(dilations(size))
