"""VGG-16 for patches of Sentinel-1 scenes, from scratch and from ImageNet weights.

After Simonyan & Zisserman 2015, and Khaleghian et al. 2021 who compared it, modified,
for sea ice. The 13 convolutions and their names are the original's; in place of the
three dense layers, made for 224 x 224 pixels, stand a mean over the patch and one dense
layer. What else differs is our own choice and said where it is made.
`models.vgg16_no_pooling` has the variant that keeps the resolution.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from models import ice_inputs

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions of each block."""

IMAGENET_DEVIATION = 57.6
"""Standard deviation of a colour of ImageNet's images, which range from 0 to 255.

The mean of 0.229, 0.224 and 0.225, times 255. ImageNet weights expect such numbers, and
our channels come standardised.
"""


def vgg16(
    classes: int,
    *,
    size: int,
    width: float = 1.0,
    head: int = 256,
    dropout: float = 0.5,
    normalised: bool = True,
    mean: Sequence[float] = ice_inputs.ICE_MEAN,
    standard_deviation: Sequence[float] = ice_inputs.ICE_DEVIATION,
    use: Sequence[int] | None = None,
    dtype: str = "float32",
) -> keras.Model:
    """Returns an untrained VGG-16.

    Five poolings take 32 pixels to 1. A smaller patch has fewer: a block is followed by
    one as long as there are two pixels left, so 20 pixels have four and 10 have three.

    Input shape: a dict of ``image [batch, size, size, channels]``, float32: HH and HV
        in dB, incidence angle in degrees by default; NaN where there is no data.
    Output shape: logits ``[batch, classes]``, float32 under any dtype policy.

    Args:
        classes: Number of classes.
        size: Rows and columns of a patch.
        width: Times as many channels as the original has; ImageNet weights need 1.
        head: Units of the dense layer.
        dropout: Share of them that is dropped in training.
        normalised: Whether a batch normalisation follows each convolution. The original
            has none, which ImageNet weights need; from scratch it trains badly.
        mean: Mean of each channel, in its unit; their number is that of the channels.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.
        dtype: Type of the image; integers are amplitudes, which become dB inside.

    Raises:
        ValueError: If a size is below 1 or ``dropout`` outside [0, 1).
    """
    check_arguments(classes=classes, size=size, width=width, head=head, dropout=dropout)
    inputs, values = ice_inputs.image_input(
        size,
        mean=mean,
        standard_deviation=standard_deviation,
        use=use,
        dtype=dtype,
    )
    left = size
    for block, (channels, convolutions) in enumerate(BLOCKS, 1):
        for number in range(1, convolutions + 1):
            values = convolve(
                values,
                f"block{block}_conv{number}",
                round(channels * width),
                normalised=normalised,
            )
        if left >= 2:
            values = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(values)
            left //= 2
    values = keras.layers.GlobalAveragePooling2D(name="mean")(values)
    values = keras.layers.Dense(head, activation="relu", name="dense")(values)
    if dropout:
        values = keras.layers.Dropout(dropout, name="dropout")(values)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(values)
    return keras.Model(inputs, logits, name="vgg16")


def vgg16_transfer(
    classes: int,
    *,
    size: int,
    weights: str | pathlib.Path | None = "imagenet",
    frozen_blocks: int = len(BLOCKS),
    head: int = 256,
    dropout: float = 0.5,
    mean: Sequence[float] = ice_inputs.ICE_MEAN,
    standard_deviation: Sequence[float] = ice_inputs.ICE_DEVIATION,
    use: Sequence[int] | None = None,
) -> keras.Model:
    """Returns a VGG-16 whose convolutions have been trained on ImageNet.

    The three colours of the first convolution become any number of channels by
    `adapt_first_kernel`. Fine-tuning has two phases: train with all blocks frozen, then
    go on with `freeze_blocks` at fewer, and a lower learning rate.

    Args:
        classes: Number of classes.
        size: Rows and columns of a patch, as for `vgg16`.
        weights: A weights file of Keras's VGG-16 without top (``.h5`` or
            ``.weights.h5``); ``imagenet`` for the one that Keras downloads; None for
            random ones, as to restore trained weights later.
        frozen_blocks: Number of blocks, from the first, that training does not change.
        head: Units of the dense layer.
        dropout: Share of them that is dropped in training.
        mean: Mean of each channel, in its unit.
        standard_deviation: Standard deviation of each channel.
        use: Numbers of the channels that the network sees; None for all.

    Raises:
        FileNotFoundError: If there is no weights file.
        ValueError: If the file is not one of a VGG-16 without top, or an argument is
            out of range.
    """
    model = vgg16(
        classes,
        size=size,
        head=head,
        dropout=dropout,
        normalised=False,
        mean=mean,
        standard_deviation=standard_deviation,
        use=use,
    )
    if weights is not None:
        original = _original(weights)
        channels = len(mean) if use is None else len(use)
        for layer in original.layers:
            if not layer.weights:
                continue
            kernel, bias = layer.get_weights()
            if layer.name == "block1_conv1":
                kernel = adapt_first_kernel(kernel, channels)
            model.get_layer(layer.name).set_weights([kernel, bias])
    freeze_blocks(model, frozen_blocks)
    return model


def adapt_first_kernel(
    kernel: npt.NDArray[np.float32], channels: int
) -> npt.NDArray[np.float32]:
    """Returns a kernel for colours as one for any standardised channels.

    Each channel gets the sum over the colours, divided by the number of channels, so
    that an image whose channels are all alike gets what a grey one would; this is our
    own choice. `IMAGENET_DEVIATION` makes up for the scale.

    Args:
        kernel: ``[rows, cols, 3, filters]``.
        channels: Number of channels.
    """
    grey = kernel.sum(axis=2, keepdims=True) * (IMAGENET_DEVIATION / channels)
    return np.repeat(grey, channels, axis=2)


def freeze_blocks(model: keras.Model, blocks: int) -> None:
    """Has training change neither weights nor statistics of the first blocks.

    Args:
        model: A VGG-16 of any variant.
        blocks: Number of blocks that are frozen; all others are not.

    Raises:
        ValueError: If there are not so many.
    """
    if not 0 <= blocks <= len(BLOCKS):
        raise ValueError(f"frozen_blocks must lie in 0 to {len(BLOCKS)}; got {blocks}")
    for layer in model.layers:
        if layer.name.startswith("block"):
            layer.trainable = int(layer.name[len("block")]) > blocks


def convolve(
    values: keras.KerasTensor,
    name: str,
    channels: int,
    *,
    normalised: bool,
    size: int = 3,
    dilation: int = 1,
    padding: str = "same",
) -> keras.KerasTensor:
    """Convolves, normalises if asked to, and takes what is above 0."""
    values = keras.layers.Conv2D(
        channels,
        size,
        padding=padding,
        dilation_rate=dilation,
        kernel_initializer="he_normal",
        use_bias=not normalised,
        name=name,
    )(values)
    if normalised:
        values = ice_inputs.normalise(values, f"{name}_normalise")
    return keras.layers.Activation("relu", name=f"{name}_relu")(values)


def check_arguments(
    *, classes: int, size: int, width: float, head: int, dropout: float
) -> None:
    """Checks what all variants take.

    Raises:
        ValueError: If a number is out of range.
    """
    ice_inputs.check_sizes(classes=classes, size=size, head=head)
    if not round(BLOCKS[0][0] * width) >= 1:
        raise ValueError(
            f"width must leave at least 1 of {BLOCKS[0][0]} channels; got {width}"
        )
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1); got {dropout}")


def _original(weights: str | pathlib.Path) -> keras.Model:
    """Returns Keras's VGG-16 for colours with weights."""
    if weights == "imagenet":
        return keras.applications.VGG16(include_top=False, weights="imagenet")
    if not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            f"weights must be a file of Keras's VGG-16 without top, or 'imagenet' to"
            f" download it; there is no file {str(weights)!r}"
        )
    original = keras.applications.VGG16(include_top=False, weights=None)
    try:
        original.load_weights(str(weights))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"weights file {weights} must be one of Keras's VGG-16 without top; it is"
            f" not: {error}"
        ) from error
    return original
