"""Keras models of Earth observation data, and how they are trained."""
