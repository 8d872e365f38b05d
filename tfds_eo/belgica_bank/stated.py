"""What a manifest may state of the Belgica Bank files."""

from __future__ import annotations

import dataclasses
from typing import Literal

TILE = 256
"""Width and height of a patch in pixels of an image."""

WORD = 4
"""Width and height of a word in pixels of an image."""

WORDS = TILE // WORD
"""Words along an edge of a patch."""

CELLS = (TILE, WORD, 1)
"""What a pixel of a label raster may stand for: a patch, a word, a pixel."""

PUBLISHED_COLS = 100
"""Number of patches across an image, which tells what a label raster's pixel is."""

PUBLISHED_ROWS = (64, 65)
"""Numbers of patches down an image; the authors' programs give both."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns of a table of annotations."""

    scene: str = ""
    """Scene, by name or date."""
    row: str = ""
    """Row of the patch."""
    col: str = ""
    """Column of the patch."""
    label: str = ""
    """Class of the patch."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    """What a manifest may state in the section of a set."""

    images: str = ""
    """Pattern of the images, such as ``images/*.tif``."""
    labels: str = ""
    """Pattern of the label rasters, or the table of annotations."""
    cell: int | None = None
    """Pixels of an image that a pixel of a label raster stands for: 256, 4 or 1."""
    classes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of the class of each code, or of each colour ``#rrggbb``."""
    colours: Literal["published"] | None = None
    """Whether maps of topics use the colours of the authors' script."""
    columns: Columns = Columns()
    """Columns of the table of annotations."""
    positions: Literal["index", "pixel"] | None = None
    """Whether rows and columns of annotations count patches or pixels."""
    units: str = ""
    """Unit of the images, for the record: it is not known."""
    splits: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Scenes of each split, by name; by default they are dealt out by date."""
