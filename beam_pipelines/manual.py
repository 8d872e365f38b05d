"""The pages that ``--help`` shows: the table of contents and a page a command."""

from __future__ import annotations

import enum
import inspect
import pathlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from types import ModuleType

from beam_pipelines.configs import RESERVED, Option, options_of

WIDTH = 88
"""Columns of a page."""

_COLUMN = 30


def contents(groups: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Returns the table of contents: one line a command, under what one does.

    Args:
        groups: Headings, each with the names and summaries of its commands.
    """
    return "\n".join(
        [
            "tfds-eo: Earth observation data sets, models and maps",
            "",
            "Usage: tfds-eo COMMAND [VALUE] [--field value ...] [-- BEAM OPTIONS]",
            *_table(groups),
            "",
            "Examples",
            "  tfds-eo demo",
            "  tfds-eo prepare time_sen2_crop --data_dir data",
            "  tfds-eo prepare time_sen2_crop --data_dir data -- --runner=FlinkRunner",
            "",
            "What stands behind a bare -- goes to Apache Beam as it is.",
            "`tfds-eo COMMAND --help` explains a command and its fields.",
        ]
    )


def kinds(name: str, groups: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Returns the page of a word that needs a second one, as ``simulate`` does.

    Args:
        name: The first word.
        groups: Headings, each with the names and summaries of commands that begin so.
    """
    return "\n".join(
        [
            f"Usage: tfds-eo {name} KIND [VALUE] [--field value ...]",
            *_table(groups),
            "",
            f"`tfds-eo {name} KIND --help` explains a kind and its fields.",
        ]
    )


def page(name: str, module: ModuleType) -> str:
    """Returns the page of a command: what it does, its fields, an example.

    Args:
        name: The command, as it is typed.
        module: Its module, with `Config` and `run`; the docstring is the description.
    """
    options = options_of(module.Config)
    values = [option for option in options if option.positional]
    needed = [option for option in options if option.required and not option.positional]
    others = [option for option in options if not option.positional]
    beam = takes_beam_options(module)
    usage = [name, *(o.spelling for o in values), *(o.spelling for o in needed)]
    if len(others) > len(needed):
        usage.append("[--field value ...]")
    if beam:
        usage.append("[-- BEAM OPTIONS]")
    text = _plain(inspect.getdoc(module) or inspect.getdoc(module.Config) or "")
    parts = ["Usage: tfds-eo " + " ".join(usage), text]
    for heading, listed in [("Values", values), ("Fields", others)]:
        if listed:
            parts.append("\n".join([heading, *map(_entry, listed)]))
    every = [_two_columns(f"--{word}", RESERVED[word]) for word in ("debug", "help")]
    every.insert(0, _two_columns("--config FILE.toml", RESERVED["config"]))
    if beam:
        every.append(
            _two_columns(
                "-- BEAM OPTIONS", "Options of Apache Beam, as --runner=FlinkRunner."
            )
        )
    parts.append("\n".join(["Every command", *every]))
    examples = _examples(inspect.getdoc(module.Config) or "")
    if examples:
        parts.append("\n".join(["Examples", *(f"  {line}" for line in examples)]))
    elif "tfds-eo " not in text:
        example = [name, *(_sample(o) for o in values), *(_sample(o) for o in needed)]
        parts.append("Example\n  tfds-eo " + " ".join(example))
    return "\n\n".join(parts)


def takes_beam_options(module: ModuleType) -> bool:
    """Tells whether a command runs a pipeline: its `run` then has `beam_args`."""
    return "beam_args" in inspect.signature(module.run).parameters


def _table(groups: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> list[str]:
    """Returns an empty line, a heading and its commands, a line each, by group."""
    lines = []
    for heading, commands in groups:
        lines += ["", heading]
        lines += [f"  {name:<{_COLUMN - 4}}  {text}" for name, text in commands]
    return lines


def _examples(docstring: str) -> list[str]:
    """Returns the command lines under ``Examples:`` of a docstring."""
    _, _, section = docstring.partition("Examples:\n")
    lines: list[str] = []
    for line in map(" ".join, map(str.split, section.splitlines())):
        if line.startswith("tfds-eo "):
            lines.append(line)
        elif line and lines:
            lines[-1] += f" {line}"
        elif lines:
            break
    return [line.replace(" \\ ", " ") for line in lines]


def _entry(option: Option) -> str:
    """Returns the lines of one field: its spelling, docstring and default."""
    text = " ".join(_plain(option.help).split())
    text = text or option.name.replace("_", " ").capitalize() + "."
    if option.required:
        text = f"{text} (needed)"
    elif option.default is not None:
        text = f"{text} (default: {_written(option.default)})"
    return _two_columns(option.spelling, text)


def _two_columns(left: str, right: str) -> str:
    lines = textwrap.wrap(
        right, WIDTH - _COLUMN, break_long_words=False, break_on_hyphens=False
    )
    left = f"  {left}"
    if len(left) > _COLUMN - 2:
        return "\n".join([left, *(" " * _COLUMN + line for line in lines)])
    return "\n".join(
        [
            left.ljust(_COLUMN) + lines[0],
            *(" " * _COLUMN + line for line in lines[1:]),
        ]
    )


def _written(default: object) -> str:
    """Returns a default as one would type it."""
    if isinstance(default, tuple):
        return " ".join(map(_written, default)) or "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, enum.Enum):
        return default.name.lower()
    return str(default)


def _sample(option: Option) -> str:
    """Returns a plausible use of an option that must be given."""
    text = {int: "100", float: "0.5"}.get(option.kind, option.name)
    if option.kind is pathlib.Path:
        text = option.name.removesuffix("_dir")
    if "|" in option.placeholder:
        text = option.placeholder.partition("|")[0]
    return text if option.positional else f"--{option.name} {text}"


def _plain(docstring: str) -> str:
    """Returns a docstring without the marks of reStructuredText."""
    return re.sub(r"``([^`]+)``", r"\1", docstring).strip()
