"""Arithmetic on places, grids and shapes; no Beam, no TensorFlow."""
