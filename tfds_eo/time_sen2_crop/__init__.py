"""TimeSen2Crop: labelled Sentinel-2 pixel series of crops in Austria."""
