"""Labelled ice patches cut from Sentinel-1 scenes under polygons or ice charts."""
