"""National crop codes to the classes of a legend.

A crosswalk is a CSV file with the columns ``code``, ``name`` and ``class``. The class
is a name of the legend, or ``out`` for what is no crop. A code that ends in ``*``
stands for all codes that begin so; the longest one that fits wins.

The tables here are ours, made from what the crops are called; they are not those of
the authors of TimeSen2Crop, which are not published. `INVEKOS_AT`: mixed and catch
crops, fallow and vegetables are other crops; clover and lucerne are legumes, but mixed
with grass they are grassland; spelt and durum go with wheat, emmer, oats and mixtures
that are sown in autumn with other crops; hedges, forest and greenhouses are out.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import pathlib
from collections.abc import Iterable, Mapping

import fsspec

from tfds_eo.legends import Legend

_FOLDER = pathlib.Path(__file__).parent

INVEKOS_AT = str(_FOLDER / "invekos_at.csv")
"""Austria's INVEKOS codes (SNAR_CODE) to the classes of TimeSen2Crop."""

HCAT3 = str(_FOLDER / "hcat3.csv")
"""Codes of EuroCrops' hierarchy (EC_hcat_c) to the classes of TimeSen2Crop."""

OUT = "out"
"""What stands in the column ``class`` for a code that is no crop."""

NO_CLASS = -1
"""Class id of what is left out."""


@dataclasses.dataclass(frozen=True)
class Crosswalk:
    """The class of each code.

    Attributes:
        classes: Class id, or `NO_CLASS`, by code; codes with ``*`` at the end stand for
            all that begin so.
    """

    classes: Mapping[str, int]

    def class_of(self, code: str) -> int | None:
        """Returns the class id of a code, `NO_CLASS`, or None if it is not mapped."""
        if code in self.classes:
            return self.classes[code]
        for length in range(len(code), -1, -1):
            found = self._prefixes.get(code[:length])
            if found is not None:
                return found
        return None

    def unmapped(self, codes: Iterable[str]) -> list[str]:
        """Returns the codes that have no class, each once, sorted."""
        return sorted(code for code in set(codes) if self.class_of(code) is None)

    @functools.cached_property
    def _prefixes(self) -> dict[str, int]:
        return {
            code[:-1]: number
            for code, number in self.classes.items()
            if code.endswith("*")
        }


def read_crosswalk(path: str, legend: Legend) -> Crosswalk:
    """Reads a crosswalk.

    Args:
        path: The CSV file, UTF-8; a path or an URL.
        legend: The legend whose classes the file names.

    Raises:
        ValueError: If a column is missing, a code stands twice, or a class is not one
            of the legend.
    """
    with fsspec.open(path, "rb") as file:
        text = file.read().decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text))
    if not {"code", "class"} <= set(rows.fieldnames or ()):
        raise ValueError(
            f"crosswalk {path} must have the columns code, name, class; got"
            f" {rows.fieldnames}"
        )
    classes: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        code, name = row["code"].strip(), row["class"].strip()
        if code in classes:
            raise ValueError(
                f"crosswalk {path} has code {code!r} twice, at line {line}"
            )
        try:
            classes[code] = NO_CLASS if name == OUT else legend.id_of(name)
        except ValueError as error:
            raise ValueError(f"crosswalk {path}, line {line}: {error}") from error
    return Crosswalk(classes)
