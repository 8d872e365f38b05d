"""Crop series from Sentinel-2 products and a parcel map: the arithmetic and the set."""
