"""What commands say to the person who runs them.

Only commands speak. Libraries return values or raise; progress bars go to standard
error by themselves.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

import rich.console
import rich.text


def say(result: rich.console.RenderableType) -> None:
    """Prints a result on standard output: a line of text, or a table of rich.

    Text is printed as it is, never wrapped or coloured, so that a path can be copied
    and a program can read it.
    """
    if isinstance(result, str):
        result = rich.text.Text(result)
    rich.console.Console(highlight=False).print(result, soft_wrap=True)


def head(text: str) -> None:
    """Prints the heading of a part of a longer run on standard output."""
    console = rich.console.Console(highlight=False)
    console.print()
    console.print(rich.text.Text(text, style="bold"), soft_wrap=True)


def complain(text: str) -> None:
    """Prints what went wrong on standard error."""
    console = rich.console.Console(stderr=True, highlight=False)
    message = rich.text.Text("error: ", style="bold red")
    console.print(message.append(text, style="not bold default"), soft_wrap=True)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Holds back what is written to standard error, also by compiled code.

    TensorFlow greets when it is imported, whatever its log level. After an exception
    everything that was held back is shown.
    """
    sys.stderr.flush()
    descriptor = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            held.seek(0)
            os.write(descriptor, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(descriptor, 2)
            os.close(descriptor)
