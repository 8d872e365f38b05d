"""One module for each result that we claim; its docstring holds command and score."""

NAMES = (
    "dlr_vgg16",
    "metno_ice_cnn",
    "metno_unet",
    "real_crop_lstm",
    "time_sen2_crop_lstm",
    "uit_ice_cnn",
    "uit_vgg16_no_pooling",
    "uit_vgg16_scratch",
    "uit_vgg16_transfer",
)
"""Modules of this package; each has a function ``experiment() -> Experiment``."""
