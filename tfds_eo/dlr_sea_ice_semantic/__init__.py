"""Patches of Sentinel-1 images of Belgica Bank with ice classes, by DLR."""
