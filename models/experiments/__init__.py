"""One module for each result that we claim; its docstring holds command and score."""

NAMES = ("time_sen2_crop_lstm", "real_crop_lstm")
"""Modules of this package; each has a function ``experiment() -> Experiment``."""
