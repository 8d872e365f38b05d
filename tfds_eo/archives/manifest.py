"""Manifests: what a user states about files whose layout nobody published.

A manifest is a small TOML or YAML file in ``manual_dir``. What it states wins over what
is discovered; a key that no builder knows is an error, for it would be ignored.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import yaml

from tfds_eo.archives.inventory import MANIFESTS

DRAFT = "manifest.draft.toml"
"""Name under which `tfds-eo inspect` writes a manifest to be completed and renamed."""

MOST_BYTES = 1 << 20
"""Size above which a file is no manifest."""

_Stated = TypeVar("_Stated")


def read_manifest(root: pathlib.Path, name: str, kind: type[_Stated]) -> _Stated:
    """Reads the section of a data set from the manifest of a folder.

    Args:
        root: Folder in which `manifest.toml`, `manifest.yaml` or `manifest.yml` lies.
        name: Name of the data set, which is that of its section.
        kind: Dataclass of what may be stated; each field has a default.

    Returns:
        What is stated; the defaults where there is no manifest or no such section.

    Raises:
        ValueError: If there are several manifests, one cannot be parsed, or states
            something unknown or of another type.
    """
    paths = [root / file for file in MANIFESTS if (root / file).is_file()]
    if not paths:
        return kind()
    if len(paths) > 1:
        raise ValueError(
            f"{root} must hold one manifest; it has {[p.name for p in paths]}"
        )
    path = paths[0]
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"{path} must have at most {MOST_BYTES:,} bytes; it has"
            f" {path.stat().st_size:,}"
        )
    try:
        text = path.read_text("utf-8")
        stated = tomllib.loads(text) if path.suffix == ".toml" else _yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"{path} must be plain {path.suffix[1:].upper()}; {error}"
        ) from error
    if not isinstance(stated, dict):
        raise ValueError(f"{path} must hold a section [{name}]; got {stated!r}")
    return _parse(stated.get(name, {}), kind, f"{path}: {name}")


def _yaml(text: str) -> Any:  # noqa: ANN401 - what a YAML file holds.
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken):
            raise ValueError("a manifest must not use aliases, which can multiply")
    return yaml.safe_load(text) or {}


def _parse(value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - by type.
    """Turns a parsed value into ``kind``: a dataclass, tuple, mapping or plain type."""
    if dataclasses.is_dataclass(kind):
        return _parse_fields(value, kind, where)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = [arg for arg in args if arg is not type(None)]
        return _parse(value, inner, where)
    if origin is typing.Literal:
        if value not in args:
            raise ValueError(
                f"{where} must be one of {', '.join(map(str, args))}; got {value!r}"
            )
        return value
    if origin is tuple:
        values = value if isinstance(value, list) else [value]
        return tuple(_parse(v, args[0], f"{where}[{n}]") for n, v in enumerate(values))
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a table; got {value!r}")
        return {str(k): _parse(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} must be {kind.__name__}; got {value!r}")
    return value


def _parse_fields(value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - by type.
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be a table; got {value!r}")
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(map(str, value)) - set(known))
    if unknown:
        raise ValueError(f"{where} must state only {sorted(known)}; got {unknown}")
    return kind(
        **{key: _parse(v, hints[key], f"{where}.{key}") for key, v in value.items()}
    )


def to_toml(sections: Mapping[str, object]) -> str:
    """Returns a manifest as TOML: tables, lists of tables, lists, text and numbers.

    What `read_manifest` makes of it is what was written.
    """
    lines: list[str] = []
    _table([], sections, lines)
    return "\n".join(lines).strip() + "\n"


def _table(path: Sequence[str], table: Mapping[str, object], lines: list[str]) -> None:
    tables = {k: v for k, v in table.items() if isinstance(v, Mapping)}
    lists = {k: v for k, v in table.items() if _is_list_of_tables(v)}
    for key, value in table.items():
        if key not in tables and key not in lists:
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in lists.items():
        for entry in typing.cast(Sequence[Mapping[str, object]], value):
            lines += ["", f"[[{'.'.join(map(_key, [*path, key]))}]]"]
            _table([*path, key], entry, lines)
    for key, value in tables.items():
        lines += ["", f"[{'.'.join(map(_key, [*path, key]))}]"]
        _table([*path, key], value, lines)


def _is_list_of_tables(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(entry, Mapping) for entry in value)
    )


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else _value(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        quoted = []
        for letter in value:
            if letter in '"\\':
                quoted.append("\\" + letter)
            elif ord(letter) < 32 or ord(letter) == 127:
                quoted.append(f"\\u{ord(letter):04x}")
            else:
                quoted.append(letter)
        return f'"{"".join(quoted)}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    raise ValueError(f"a manifest holds text, numbers, lists and tables; got {value!r}")
