"""Classes of every source, with their ids, names and colours."""

from __future__ import annotations

import dataclasses
import functools
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
                name=title.lower().replace(" ", "_").replace("/", "_"),
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
