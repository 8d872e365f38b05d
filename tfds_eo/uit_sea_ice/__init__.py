"""Patches of sea ice in Sentinel-1 scenes, labelled with six WMO classes, by UiT."""
