"""Facts of TimeSen2Crop: its archive, its folders and its official split.

Source: Weikmann, Paris, Bruzzone 2021, IEEE JSTARS 14, 4699-4708,
doi 10.1109/JSTARS.2021.3073965, and the record of the archive, 10.5281/zenodo.4715630.
"""

ARCHIVE_NAME = "TimeSen2Crop.zip"
"""Name of the archive in `manual_dir`."""

ARCHIVE_URL = "https://zenodo.org/records/4715631/files/TimeSen2Crop.zip"
"""Where the archive is published."""

ARCHIVE_BYTES = 1_079_952_573
"""Size of the published archive."""

ARCHIVE_MD5 = "b5b7aad3fef192e78252e11c9a0e5cb8"
"""MD5 of the published archive; its SHA-256 is not known."""

TILES = (
    *("32TNT", "32TPT", "32TQT", "33TUM", "33TUN", "33TVM", "33TVN", "33TWM"),
    *("33TWN", "33TXN", "33UUP", "33UVP", "33UWP", "33UWQ", "33UXP"),
)
"""Sentinel-2 tiles that samples come from."""

SEASONS = ("2018", "2019")
"""Agronomic years, September to August, named after the year of the harvest."""

FOLDERS = {tile: (tile, "2018") for tile in TILES} | {"2019_33UVP": ("33UVP", "2019")}
"""Tile and season of each tile folder."""

HELD_OUT = {"validation": ["33TWN"], "test": ["33UVP"], "test_2019": ["2019_33UVP"]}
"""Tile folders of the official splits; the other 13 are for training."""

SAMPLE_HEADER = b"B1,B2,B3,B4,B5,B6,B7,B8,B9,Flag"
"""First line of a sample. The names count positions: B7 is Sentinel-2's B8A."""

DATES_NAME = "dates.csv"
"""File of the acquisition dates of a tile folder."""

DATES_HEADER = "acquisition_date"
"""First line of `DATES_NAME`."""
