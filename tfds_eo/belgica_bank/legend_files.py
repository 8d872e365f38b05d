"""Finds the classes of codes and colours in a legend beside the data."""

from __future__ import annotations

import csv
import json
import pathlib
import re
from collections.abc import Mapping

from tfds_eo.archives.inventory import Inventory
from tfds_eo.archives.xml import read_xml

MOST_BYTES = 1 << 20
"""Size above which a file is no legend."""

_LEGEND = re.compile(r"legend|classes|labels?_?names|colou?r|palette", re.I)
_CODE = ("code", "value", "id", "index", "class_id", "label_id")
_NAME = ("name", "label", "class", "class_name", "description", "meaning")
_COLOUR = ("colour", "color", "hex", "rgb")


def find_legend(inventory: Inventory) -> tuple[dict[str, str], str]:
    """Returns class names by code and by colour ``#rrggbb``, and where they were found.

    Looks at .csv, .txt, .json and .qml (QGIS) files whose name speaks of a legend.

    Raises:
        ValueError: If a legend cannot be read, or two of them disagree.
    """
    found: dict[str, str] = {}
    where: list[str] = []
    for name, path in inventory.files.items():
        pure = pathlib.PurePosixPath(name)
        ending = pure.suffix.lower()
        if ending not in _READERS or not (
            _LEGEND.search(pure.stem) or ending == ".qml"
        ):
            continue
        if pathlib.Path(path).stat().st_size > MOST_BYTES:
            raise ValueError(f"legend {name} must have at most {MOST_BYTES:,} bytes")
        for code, title in _READERS[ending](path, name).items():
            if found.setdefault(code, title) != title:
                raise ValueError(
                    f"legends {[*where, name]} must agree; they call code {code!r} both"
                    f" {found[code]!r} and {title!r}: state classes in the manifest"
                )
        where.append(name)
    return found, ", ".join(where)


def _from_csv(path: str, name: str) -> dict[str, str]:
    text = pathlib.Path(path).read_text("utf-8-sig")
    dialect = csv.Sniffer().sniff(text.splitlines()[0], ",;\t ") if text else csv.excel
    rows = list(csv.DictReader(text.splitlines(), dialect=dialect))
    if not rows:
        raise ValueError(f"legend {name} must have a header and a row for each class")
    keys = {key.strip().lower(): key for key in rows[0] if key}
    title = next((keys[key] for key in _NAME if key in keys), None)
    code = next((keys[key] for key in _CODE if key in keys), None)
    colour = next((keys[key] for key in _COLOUR if key in keys), None)
    parts = [keys.get(key) for key in "rgb"]
    if title is None or (code is None and colour is None and None in parts):
        raise ValueError(
            f"legend {name} must have a column of names ({', '.join(_NAME)}) and one of"
            f" codes ({', '.join(_CODE)}) or colours; it has {list(rows[0])}"
        )
    found = {}
    for row in rows:
        if code is not None:
            found[row[code].strip()] = row[title].strip()
        if colour is not None:
            found[_hex(row[colour])] = row[title].strip()
        elif None not in parts:
            values = [int(row[str(part)]) for part in parts]
            found["#{:02x}{:02x}{:02x}".format(*values)] = row[title].strip()
    return found


def _from_json(path: str, name: str) -> dict[str, str]:
    try:
        found = json.loads(pathlib.Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"legend {name} must be JSON; {error}") from error
    if isinstance(found, list):
        found = {str(code): title for code, title in enumerate(found)}
    if not isinstance(found, Mapping) or not all(
        isinstance(title, str) for title in found.values()
    ):
        raise ValueError(f"legend {name} must map codes or colours to names")
    return {_hex(key) if "#" in key else key: title for key, title in found.items()}


def _from_qml(path: str, name: str) -> dict[str, str]:
    found = {}
    for entry in read_xml(path).iter("paletteEntry"):
        value, title = entry.get("value"), entry.get("label")
        if value is None or not title:
            raise ValueError(f"legend {name} must give value and label of each entry")
        found[str(int(float(value)))] = title
        if entry.get("color"):
            found[_hex(str(entry.get("color")))] = title
    return found


def _hex(text: str) -> str:
    digits = text.strip().lower().removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{6}", digits):
        return f"#{digits}"
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    if len(numbers) != 3 or max(numbers) > 255:
        raise ValueError(f"colours must be #rrggbb or three numbers; got {text!r}")
    return "#{:02x}{:02x}{:02x}".format(*numbers)


_READERS = {
    ".csv": _from_csv,
    ".txt": _from_csv,
    ".json": _from_json,
    ".qml": _from_qml,
}
