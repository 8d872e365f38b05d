"""Ice charts of twelve Sentinel-1 scenes off Danmarkshavn, by MET Norway."""
