"""A command line, or a TOML file, to the frozen dataclass that a command runs on.

A field's docstring (the string below it) is its help, its type says what is accepted:
str, int, float, bool, Path, Literal, Enum, tuples of these, and any of them or None.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import difflib
import enum
import inspect
import pathlib
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

RESERVED = {
    "config": "File of fields in TOML; what the command line gives wins.",
    "debug": "Shows where in the code an error arose.",
    "help": "Shows this page.",
}
"""Options that every command has; no field may bear their names."""

ConfigT = TypeVar("ConfigT")

_SCALARS = {str: "TEXT", int: "INTEGER", float: "NUMBER", pathlib.Path: "PATH"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """One field of a Config, as the command line sees it.

    Attributes:
        name: Name of the field.
        kind: Type of the value, or of each value where there are several.
        many: None for one value, -1 for any number, else how many.
        nullable: Whether the value may be None, written ``none``.
        help: The field's docstring.
        default: Its default, or `dataclasses.MISSING`.
        positional: Whether the value stands without ``--name``.
    """

    name: str
    kind: Any
    many: int | None
    nullable: bool
    help: str
    default: Any
    positional: bool

    @property
    def required(self) -> bool:
        """Whether the field must be given."""
        return self.default is dataclasses.MISSING

    @property
    def placeholder(self) -> str:
        """What stands for the value in a usage line; empty for a flag."""
        if self.kind is bool and self.many is None:
            return ""
        words = self.name.upper() if self.positional else _kind_in_words(self.kind)
        if self.many is None:
            return words
        return f"{words} ..." if self.many < 0 else " ".join([words] * self.many)

    @property
    def spelling(self) -> str:
        """The option with its placeholder: ``--size INTEGER``, ``--[no_]cache``."""
        if self.positional:
            return self.placeholder
        name = self.name if self.placeholder else f"[no_]{self.name}"
        return f"--{name} {self.placeholder}".rstrip()

    @property
    def label(self) -> str:
        """How messages call the option."""
        return self.name.upper() if self.positional else f"--{self.name}"


# Public functions ----------------------------------------------------------------


def options_of(config_class: type) -> tuple[Option, ...]:
    """Returns the fields of a Config as options, in the order in which they stand.

    The positional one bears ``metadata={"positional": True}``, or is the first field if
    that has no default.

    Raises:
        TypeError: If a field has a type or name that no command line can offer.
    """
    hints = typing.get_type_hints(config_class)
    docs = field_docs(config_class)
    fields = [field for field in dataclasses.fields(config_class) if field.init]
    marked = any(field.metadata.get("positional") for field in fields)
    options = []
    for number, field in enumerate(fields):
        where = f"field {field.name!r} of {config_class.__module__}.Config"
        if field.name in RESERVED:
            raise TypeError(f"{where} must have a name that no command uses itself")
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        first_needed = number == 0 and default is dataclasses.MISSING
        kind, many, nullable = _take_apart(hints[field.name], where)
        options.append(
            Option(
                name=field.name,
                kind=kind,
                many=many,
                nullable=nullable,
                help=docs.get(field.name, ""),
                default=default,
                positional=bool(field.metadata.get("positional", False))
                or (first_needed and not marked),
            )
        )
    return tuple(options)


def field_docs(config_class: type) -> dict[str, str]:
    """Returns the docstring below each field, its own and those it inherits."""
    docs: dict[str, str] = {}
    for owner in reversed(config_class.__mro__):
        if not dataclasses.is_dataclass(owner):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs[name] = inspect.cleandoc(text)
    return docs


def parse(config_class: type[ConfigT], arguments: Sequence[str]) -> ConfigT:
    """Returns the Config that a command line describes.

    Hyphens and underscores in option names are the same. ``--config FILE`` gives fields
    from a TOML file; the command line wins.

    Raises:
        ValueError: If an option is unknown, a value does not fit its field, a field
            without default is missing, or the Config itself refuses.
    """
    options = options_of(config_class)
    given = _given(options, arguments)
    file = given.pop("config", None)
    if file is not None:
        given = read_toml(options, file) | given
    missing = [o.spelling for o in options if o.required and o.name not in given]
    if missing:
        raise ValueError(f"still needed: {', '.join(missing)}")
    return config_class(**given)


def read_toml(options: Sequence[Option], file: pathlib.Path) -> dict[str, Any]:
    """Returns the fields that a TOML file gives.

    Raises:
        ValueError: If the file is no TOML, has a key that is no field, or a value that
            does not fit its field.
        FileNotFoundError: If there is no such file.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"config file {str(file)!r} must be TOML; {error}") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no config file {str(file)!r}") from error
    by_name = {option.name: option for option in options}
    fields = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in by_name:
            raise ValueError(
                f"config file {str(file)!r} has no business with {key!r};"
                f" {nearest(name, by_name)}"
            )
        try:
            fields[name] = _from_toml(by_name[name], value)
        except ValueError as error:
            raise ValueError(f"{key!r} in config file {str(file)!r} {error}") from error
    return fields


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Returns a clause that names the nearest known word, or all if none is near."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    return "there are " + ", ".join(prefix + name for name in known)


# Private: types ------------------------------------------------------------------


def _take_apart(hint: Any, where: str) -> tuple[Any, int | None, bool]:  # noqa: ANN401
    """Splits a type into the type of one value, how many, and whether None fits."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        others = [part for part in parts if part is not types.NoneType]
        if len(others) == 1 and len(parts) == 2:
            kind, many, _ = _take_apart(others[0], where)
            return kind, many, True
    elif origin is tuple and parts:
        kinds = {part for part in parts if part is not Ellipsis}
        if len(kinds) == 1:
            kind, inner, nullable = _take_apart(kinds.pop(), where)
            if inner is None and not nullable:
                return kind, -1 if parts[-1] is Ellipsis else len(parts), False
    elif (
        origin is typing.Literal
        or hint in _SCALARS
        or hint is bool
        or (isinstance(hint, type) and issubclass(hint, enum.Enum))
    ):
        return hint, None, False
    raise TypeError(
        f"{where} must be a str, int, float, bool, Path, Literal, Enum, a tuple of one"
        f" of these, or one of these or None; got {hint}"
    )


def _choices(kind: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Returns the values that a Literal or Enum allows, by how they are written."""
    if typing.get_origin(kind) is typing.Literal:
        return {str(value): value for value in typing.get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {member.name.lower(): member for member in kind}
    return {"true": True, "false": False} if kind is bool else None


def _kind_in_words(kind: Any) -> str:  # noqa: ANN401
    choices = _choices(kind)
    return "|".join(choices) if choices else _SCALARS[kind]


# Private: values -----------------------------------------------------------------


def _from_text(option: Option, text: str) -> Any:  # noqa: ANN401
    """Turns one word of the command line into a value of the option's type."""
    if option.nullable and text.lower() == "none":
        return None
    choices = _choices(option.kind)
    if choices:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}; got {text!r}")
        return choices[text]
    try:
        return option.kind(text)
    except ValueError as error:
        words = {int: "a whole number", float: "a number"}[option.kind]
        raise ValueError(f"must be {words}; got {text!r}") from error


def _from_toml(option: Option, value: Any) -> Any:  # noqa: ANN401
    """Turns a value of a TOML file into the option's type, without guessing."""
    if option.many is None:
        return _one_from_toml(option, value)
    if not isinstance(value, list):
        raise ValueError(f"must be a list; got {value!r}")
    if option.many >= 0 and len(value) != option.many:
        raise ValueError(f"must be a list of {option.many}; got {value!r}")
    return tuple(_one_from_toml(option, item) for item in value)


def _one_from_toml(option: Option, value: Any) -> Any:  # noqa: ANN401
    accepted = {int: (int,), float: (int, float), bool: (bool,)}.get(
        option.kind, (str, int) if _choices(option.kind) else (str,)
    )
    if not isinstance(value, accepted) or (
        isinstance(value, bool) and option.kind is not bool
    ):
        words = "true or false" if option.kind is bool else _kind_in_words(option.kind)
        raise ValueError(f"must be {words}; got {value!r}")
    return value if option.kind is bool else _from_text(option, str(value))


# Private: the command line -------------------------------------------------------


def _given(options: Sequence[Option], arguments: Sequence[str]) -> dict[str, Any]:
    """Returns the fields that a command line gives, and ``config`` if it does.

    A repeated option that takes many values adds to them; else the last one counts.
    """
    named = {option.name: option for option in options if not option.positional}
    named["config"] = _CONFIG_FILE
    places = [option for option in options if option.positional]
    given: dict[str, Any] = {}
    words = collections.deque(arguments)
    while words:
        word = words.popleft()
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            option, on = _named(name.replace("-", "_"), named)
            if option.placeholder == "":
                if equals:
                    raise ValueError(f"{word.partition('=')[0]} takes no value")
                given[option.name] = on
                continue
            texts = [value] if equals else _take(words, option.many)
        elif word.startswith("-") and not word[1:2].isdigit():
            raise ValueError(f"options are written with two hyphens; got {word!r}")
        elif places:
            option = places[0] if places[0].many == -1 else places.pop(0)
            texts = [word]
            if option.many not in (None, -1):
                texts += _take(words, (option.many or 1) - 1)
        else:
            raise ValueError(f"nothing takes {word!r}; see --help")
        _put(given, option, texts)
    return given


def _named(name: str, named: dict[str, Option]) -> tuple[Option, bool]:
    """Returns the option of a name, and False if the name is that of a flag undone."""
    plain = name.removeprefix("no_")
    if name not in named and plain in named and not named[plain].placeholder:
        return named[plain], False
    if name not in named:
        raise ValueError(f"unknown option --{name}; {nearest(name, named, '--')}")
    return named[name], True


def _take(words: collections.deque[str], many: int | None) -> list[str]:
    """Takes the values of an option from the words that follow its name."""
    most = {None: 1, -1: len(words)}.get(many, many)
    texts: list[str] = []
    while words and len(texts) < (most or 0) and not words[0].startswith("--"):
        texts.append(words.popleft())
    return texts


def _put(given: dict[str, Any], option: Option, texts: list[str]) -> None:
    """Puts the values of one option among those given so far."""
    wanted = 1 if option.many is None else option.many
    if wanted >= 0 and len(texts) != wanted:
        raise ValueError(
            f"{option.label} needs {wanted} value{'s' * (wanted > 1)}; got {len(texts)}"
        )
    try:
        values = [_from_text(option, text) for text in texts]
    except ValueError as error:
        raise ValueError(f"{option.label} {error}") from error
    if option.many is None or values == [None]:
        given[option.name] = values[0]
    elif option.many < 0:
        given[option.name] = (given.get(option.name) or ()) + tuple(values)
    else:
        given[option.name] = tuple(values)


_CONFIG_FILE = Option(
    name="config",
    kind=pathlib.Path,
    many=None,
    nullable=False,
    help=RESERVED["config"],
    default=None,
    positional=False,
)
