"""What reaches the terminal: names without control characters, streams that may be closed or full."""

import io
import os
import re
import sys
from typing import TextIO

from qsnn_hw.support.errors import UserError

MAX_LINE = 1000
"""Characters of an error line; a name or value of thousands of characters is cut in its middle."""

# C0 and C1 controls, line and paragraph separators, marks that turn the direction of writing round, and
# the halves of pairs that Python makes of a file name's bytes that are no UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def plain(text: object) -> str:
    """``text`` as one line that no terminal obeys: control characters as ``\\x1b``, ``\\n``, ``\\u202e``."""
    return _UNSAFE.sub(_escaped, str(text))


def _escaped(match: "re.Match[str]") -> str:
    code = ord(match.group())
    # A byte of a file name that is no UTF-8, see PEP 383.
    code = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return named.get(match.group(), f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def shortened(line: str) -> str:
    """``line``, its middle left out where it is longer than ``MAX_LINE``."""
    if len(line) <= MAX_LINE:
        return line
    half = MAX_LINE // 2
    return f"{line[:half]} [... {len(line) - 2 * half} characters ...] {line[-half:]}"


def show(*lines: object) -> None:
    """Print lines to standard output, each made :func:`plain`.

    Raises
    ------
    UserError
        It cannot be written.
    BrokenPipeError
        Its reader has left.
    """
    write_out("".join(f"{plain(line)}\n" for line in lines))


def write_out(text: str) -> None:
    """Write ``text`` to standard output, for certain; raises as :func:`show` does."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise UserError(
            f"cannot write to standard output: {error.strerror or error}; redirect it to where there is space"
        ) from error


def complain(line: object) -> None:
    """Print one :func:`plain` line to standard error; nothing where that cannot be written."""
    try:
        print(shortened(plain(line)), file=sys.stderr, flush=True)
    # Closed, full, or its reader has left: the exit status still tells.
    except (OSError, ValueError):
        return


def prepare_streams() -> None:
    """Make standard streams that take any text and are there, even where the caller closed them.

    A closed one would give its number to the next file that is opened, and a tool's messages would go
    into that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = _to_nowhere()
    if sys.stderr is None:
        sys.stderr = _to_nowhere()
    for stream in (sys.stdout, sys.stderr):
        # An ASCII terminal shows "\xd7" for a multiplication sign.
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def _to_nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def silence_stdout() -> None:
    """Send what standard output still holds to nowhere: its reader has left, or it is full."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        sys.stdout.flush()
    except (OSError, ValueError):
        return
