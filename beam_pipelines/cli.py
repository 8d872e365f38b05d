"""The command ``tfds-eo``: finds a command's module, fills its Config, runs it.

A command is a module with a docstring, a frozen keyword-only dataclass `Config` with a
docstring below each field, and

    def run(config: Config, beam_args: Sequence[str] = ()) -> Results | None

Results are a sequence of lines, text or tables of rich, that are printed here.
A command without a pipeline leaves ``beam_args`` out. Modules are imported when their
command runs, not before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import itertools
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from rich.console import RenderableType

from beam_pipelines import configs, console, manual


@dataclasses.dataclass(frozen=True)
class Command:
    """A line of the table of commands.

    Attributes:
        name: What one types: a word, or a word and a kind.
        module: Where `Config` and `run` are.
        summary: What the command does, in a clause.
        tensorflow: Whether it needs TensorFlow, which is then imported without the
            greetings that no setting of it keeps back.
    """

    name: str
    module: str
    summary: str
    tensorflow: bool = False


COMMANDS: dict[str, tuple[Command, ...]] = {
    "Start here": (
        Command(
            "demo",
            "beam_pipelines.demo",
            "All of the below on made data, in a few minutes",
            tensorflow=True,
        ),
    ),
    "Make data": (
        Command(
            "simulate time_sen2_crop",
            "tfds_eo.simulate.time_sen2_crop",
            "A made TimeSen2Crop archive in the true layout",
        ),
        Command(
            "simulate sentinel2",
            "tfds_eo.simulate.sentinel2",
            "Made Sentinel-2 products of two tiles, and their parcels",
        ),
        Command(
            "simulate sentinel1",
            "tfds_eo.simulate.sentinel1",
            "Made Sentinel-1 products with polygons and ice charts",
        ),
        Command(
            "simulate uit_sea_ice",
            "tfds_eo.simulate.uit_sea_ice",
            "Made UiT patches of sea ice in any layout of files",
        ),
        Command(
            "simulate dlr_sea_ice",
            "tfds_eo.simulate.dlr_sea_ice",
            "Made images, classes and topics of Belgica Bank",
        ),
        Command(
            "simulate metno_sea_ice",
            "tfds_eo.simulate.metno_sea_ice",
            "Made ice charts of MET Norway, with scenes",
        ),
        Command(
            "build-crop-series",
            "beam_pipelines.build_crop_series",
            "Labelled crop series from Sentinel-2 and a parcel map",
        ),
        Command(
            "match-scenes",
            "beam_pipelines.match_scenes",
            "Radar scenes with optical ones of the same hour and place",
        ),
        Command(
            "build-ice-patches",
            "beam_pipelines.build_ice_patches",
            "Labelled ice patches from scenes and polygons or charts",
        ),
        Command(
            "inspect",
            "beam_pipelines.inspect_set",
            "What a folder holds for an ice set; drafts its manifest",
        ),
        Command(
            "prepare",
            "beam_pipelines.prepare_dataset",
            "A published set, from its archive to TFRecord shards",
        ),
    ),
    "Train": (
        Command(
            "train",
            "models.train",
            "A model, by the name of its experiment",
            tensorflow=True,
        ),
        Command(
            "launch-workers",
            "models.launch",
            "A training command in several workers of this machine",
        ),
        Command(
            "ablate",
            "models.ablation",
            "What angle, augmentation and patch size are worth",
            tensorflow=True,
        ),
        Command(
            "evaluate",
            "models.evaluate",
            "A model's scores, figures and report",
            tensorflow=True,
        ),
    ),
    "Look": (
        Command(
            "show",
            "tfds_eo.show",
            "A figure of examples of a prepared set",
            tensorflow=True,
        ),
    ),
}
"""Every command, under the heading that ``tfds-eo --help`` gives it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns 0, or 2 after a mistake, or 130 if interrupted.

    Args:
        arguments: What follows ``tfds-eo``; by default that of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, beam_args = _split_at_hyphens(words)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow: errors alone.
    logging.getLogger("absl").setLevel(logging.ERROR)  # TFDS likewise.
    try:
        return _run(words, beam_args)
    except (ValueError, OSError) as error:
        if debug:
            traceback.print_exc()
        console.complain(str(error) or type(error).__name__)
        return 2
    except KeyboardInterrupt:
        console.complain("interrupted")
        return 130


def _run(words: list[str], beam_args: list[str]) -> int:
    wants_help = any(word in ("--help", "-h") for word in words)
    if not words or words[0] in ("help", "--help", "-h"):
        console.say(manual.contents(_listed("")))
        return 0
    command, rest = _find(words)
    if command is None:
        kinds = _listed(words[0])
        if wants_help or len(words) == 1:
            console.say(manual.kinds(words[0], kinds))
            return 0
        known = [name for _, lines in kinds for name, _ in lines]
        typed = " ".join(words[:2])
        raise ValueError(f"no command {typed!r}; {configs.nearest(typed, known)}")
    with console.hushed() if command.tensorflow else contextlib.nullcontext():
        if command.tensorflow and not wants_help:
            importlib.import_module("tensorflow")
        module = importlib.import_module(command.module)
    if wants_help:
        console.say(manual.page(command.name, module))
        return 0
    config = configs.parse(module.Config, rest)
    for line in _call(command, module, config, beam_args) or ():
        console.say(line)
    return 0


def _call(
    command: Command, module: ModuleType, config: object, beam_args: list[str]
) -> Sequence[RenderableType] | None:
    if manual.takes_beam_options(module):
        return module.run(config, beam_args)
    if beam_args:
        raise ValueError(
            f"`tfds-eo {command.name}` runs no pipeline and takes no options of Beam;"
            f" got {' '.join(beam_args)!r}"
        )
    return module.run(config)


def _split_at_hyphens(words: list[str]) -> tuple[list[str], list[str]]:
    """Splits a command line at its first bare ``--``."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _find(words: list[str]) -> tuple[Command | None, list[str]]:
    """Returns the command that a line begins with and the words behind its name.

    Returns no command for the first word of commands that need a second one.

    Raises:
        ValueError: If the first word begins no command.
    """
    commands = list(itertools.chain.from_iterable(COMMANDS.values()))
    typed = [word.replace("-", "_") for word in words]
    for command in commands:
        name = command.name.replace("-", "_").split()
        if typed[: len(name)] == name:
            return command, words[len(name) :]
    first = [command.name.split()[0] for command in commands]
    if typed[0] not in [word.replace("-", "_") for word in first]:
        known = list(dict.fromkeys(first))
        hint = configs.nearest(words[0], known)
        raise ValueError(f"no command {words[0]!r}; {hint}")
    return None, words[1:]


def _listed(first: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns headings with names and summaries of the commands that begin so."""
    groups = [
        (
            heading,
            [
                (command.name, command.summary)
                for command in commands
                if not first or command.name.split()[0] == first
            ],
        )
        for heading, commands in COMMANDS.items()
    ]
    return [group for group in groups if group[1]]


if __name__ == "__main__":
    sys.exit(main())
