"""Classes of every source, with their ids, names and colours."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable

# Types ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class LegendClass:
    """One class of a legend.

    Attributes:
        id: Number that stands for the class in records and maps.
        name: Name in records, in snake_case.
        title: Name for people.
        colour: Colour on maps and figures, ``#rrggbb``.
    """

    id: int
    name: str
    title: str
    colour: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Legend:
    """The classes of a source, in the order of their ids.

    Attributes:
        name: Name of the legend, in snake_case.
        classes: The classes; their ids are 0, 1, 2 and so on.

    Raises:
        ValueError: If ids are not consecutive from 0, or a name occurs twice.
    """

    name: str
    classes: tuple[LegendClass, ...]

    def __post_init__(self) -> None:
        ids = [c.id for c in self.classes]
        if ids != list(range(len(ids))):
            raise ValueError(
                f"ids of legend {self.name!r} must be 0, 1, 2, ...; got {ids}"
            )
        if len(set(self.names)) != len(ids):
            raise ValueError(
                f"names of legend {self.name!r} must differ; got {self.names}"
            )

    def __len__(self) -> int:
        return len(self.classes)

    @functools.cached_property
    def names(self) -> list[str]:
        """Names of the classes, by id."""
        return [c.name for c in self.classes]

    @functools.cached_property
    def titles(self) -> list[str]:
        """Names of the classes for people, by id."""
        return [c.title for c in self.classes]

    @functools.cached_property
    def colours(self) -> list[str]:
        """Colours of the classes, ``#rrggbb``, by id."""
        return [c.colour for c in self.classes]

    def id_of(self, name: str) -> int:
        """Returns the id of the class called ``name``.

        Raises:
            ValueError: If the legend has no such class.
        """
        if name not in self.names:
            raise ValueError(
                f"legend {self.name!r} has no class {name!r}; its classes are"
                f" {', '.join(self.names)}"
            )
        return self.names.index(name)


def legend_of(name: str, classes: Iterable[tuple[str, str]]) -> Legend:
    """Makes a legend of titles and colours; ids count from 0.

    Args:
        name: Name of the legend.
        classes: Title and colour of each class; its name is the title in snake_case.
    """
    return Legend(
        name=name,
        classes=tuple(
            LegendClass(
                id=number,
                name=re.sub(r"[^a-z0-9]+", "_", title.lower()),
                title=title,
                colour=colour,
            )
            for number, (title, colour) in enumerate(classes)
        ),
    )


# Legends -------------------------------------------------------------------------

TIME_SEN2_CROP = legend_of(
    "time_sen2_crop",
    [
        ("Legumes", "#8c564b"),
        ("Grassland", "#8fce6a"),
        ("Maize", "#ffd92f"),
        ("Potato", "#a6761d"),
        ("Sunflower", "#ff9d00"),
        ("Soy", "#5b7f1a"),
        ("Winter barley", "#e7c9a0"),
        ("Winter caraway", "#c77cff"),
        ("Rye", "#b3a369"),
        ("Rapeseed", "#f5f06a"),
        ("Beet", "#d6408f"),
        ("Spring cereals", "#7fc8f8"),
        ("Winter wheat", "#d9822b"),
        ("Winter triticale", "#8a5a00"),
        ("Permanent plantation", "#1b6e53"),
        ("Other crops", "#9a9a9a"),
    ],
)
"""The 16 classes of TimeSen2Crop in the order of its class folders.

Source: Weikmann, Paris, Bruzzone 2021, doi 10.1109/JSTARS.2021.3073965; the colours are
our choice.
"""

UIT_SEA_ICE = legend_of(
    "uit_sea_ice",
    [
        ("Open water", "#1f4e9c"),
        ("Newly formed ice", "#f4a6d7"),
        ("Brash/pancake ice", "#9be36b"),
        ("Young ice", "#a36fe0"),
        ("Thin to medium first-year ice", "#ffd24d"),
        ("Thick or deformed ice", "#c23b22"),
    ],
)
"""The six classes of the UiT patches, in the order in which the description lists them.

The order says nothing about the codes in the files. Source: Khaleghian, Lohse, Kraemer
2020, doi 10.18710/QAYI4O; the colours are our choice, after the WMO's for stages.
"""

SIGRID3_POLYGONS = legend_of(
    "sigrid3_polygons",
    [
        ("Land", "#8c7b6b"),
        ("Water", "#96c8ff"),
        ("Ice", "#f2f2f2"),
        ("No data", "#4d4d4d"),
        ("Ice shelf", "#d2d2d2"),
    ],
)
"""Types of polygon of a chart, POLY_TYPE; the colours are our choice."""

SIGRID3_STAGES = legend_of(
    "sigrid3_stages",
    [
        ("Unknown stage", "#000000"),
        ("Brash ice", "#9be36b"),
        ("No stage", "#e6f2ff"),
        ("New ice", "#f0d2fa"),
        ("Nilas", "#ffaffa"),
        ("Young ice", "#aa28f0"),
        ("Grey ice", "#873cd7"),
        ("Grey-white ice", "#dc50eb"),
        ("First-year ice", "#ffff00"),
        ("Thin first-year ice", "#9bd200"),
        ("Thin first-year ice stage 1", "#d7fa82"),
        ("Thin first-year ice stage 2", "#afdb3c"),
        ("Medium first-year ice", "#00c814"),
        ("Thick first-year ice", "#007d00"),
        ("Old ice", "#b46432"),
        ("Second-year ice", "#ff780a"),
        ("Multi-year ice", "#c80000"),
        ("Glacier ice", "#7fb2d9"),
    ],
)
"""Stages of development, SA to CD; codes stand in `sigrid3.STAGES`.

Colours follow the WMO's colour standard for stages (WMO/TD-No. 1215) where it has one,
else they are our choice.
"""

SIGRID3_FORMS = legend_of(
    "sigrid3_forms",
    [
        ("Unknown form", "#000000"),
        ("Pancake ice", "#f4a6d7"),
        ("Small ice cake, brash ice", "#9be36b"),
        ("Ice cake", "#d9f0a3"),
        ("Small floe", "#addd8e"),
        ("Medium floe", "#78c679"),
        ("Big floe", "#41ab5d"),
        ("Vast floe", "#238443"),
        ("Giant floe", "#005a32"),
        ("Fast ice", "#969696"),
        ("Growlers and floebergs", "#c6a15b"),
        ("Icebergs", "#8c510a"),
        *(
            (f"Strips and patches {tenths} tenths", f"#{250 - 15 * tenths:02x}a0ff")
            for tenths in range(1, 11)
        ),
        ("Level ice", "#ffe680"),
    ],
)
"""Forms of ice, FA to FC, by `sigrid3.FORMS`; the colours are our choice."""

AI4ARCTIC_STAGES = legend_of(
    "ai4arctic_stages",
    [
        ("Water", "#96c8ff"),
        ("New ice", "#f0d2fa"),
        ("Young ice", "#aa28f0"),
        ("Thin first-year ice", "#9bd200"),
        ("Thick first-year ice", "#007d00"),
        ("Old ice", "#b46432"),
    ],
)
"""Targets SOD of the AI4Arctic/AutoICE sets; the colours are our choice."""

AI4ARCTIC_FLOES = legend_of(
    "ai4arctic_floes",
    [
        ("Water", "#96c8ff"),
        ("Cake ice", "#d9f0a3"),
        ("Small floe", "#addd8e"),
        ("Medium floe", "#78c679"),
        ("Big floe", "#41ab5d"),
        ("Vast floe", "#238443"),
        ("Bergs", "#8c510a"),
    ],
)
"""Targets FLOE of the AI4Arctic/AutoICE sets; the colours are our choice."""

DLR_TOPICS = legend_of(
    "dlr_topics",
    [
        (f"Topic {number}", "#{:02x}{:02x}{:02x}".format(*colour))
        for number, colour in enumerate(
            [
                (128, 0, 0),
                (0, 0, 139),
                (0, 100, 0),
                (0, 255, 255),
                (0, 139, 139),
                (255, 0, 255),
                (75, 0, 130),
                (128, 128, 128),
                (205, 133, 63),
                (106, 90, 205),
                (0, 250, 154),
                (255, 69, 0),
            ]
        )
    ],
)
"""Topics of the Belgica Bank maps by number, in the colours of the authors' script.

Whether the published maps use these colours is not known: a manifest has to say so.
"""
