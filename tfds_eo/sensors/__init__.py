"""Products of satellites, read into physical units."""
