"""Maps of topics of Sentinel-1 images of Belgica Bank, by DLR."""
