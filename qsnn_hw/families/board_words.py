"""Which words a board file may hold: they become file names, command lines, scripts and constraint files.

A board file comes from anywhere. None of its words may name a file, run a command or be taken for another
option, so tool options are the ones listed here, each with the form of its value.
"""

import re
from collections.abc import Mapping

from qsnn_hw.support.fields import Fields

Form = tuple[re.Pattern[str], str]
"""What a word must match whole, and the same in words."""

FILE_NAME: Form = (re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"), "letters, digits, '.', '_' and '-'")
WORD: Form = (re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"), "letters, digits, '_' and '-'")
LINE: Form = (
    re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,1000}"),
    "one line of at most 1000 characters without control characters",
)

DEVICES: Mapping[str, tuple[str, ...]] = {
    "ice40": (
        *("lp384", "lp1k", "lp4k", "lp8k", "hx1k", "hx4k", "hx8k"),
        *("up3k", "up5k", "u1k", "u2k", "u4k"),
    ),
    "ecp5": (
        *("12k", "25k", "45k", "85k", "um-25k", "um-45k", "um-85k"),
        *("um5g-25k", "um5g-45k", "um5g-85k"),
    ),
}
"""Family -> the devices that its place and route tool has an option for."""

_INTEGER, _NUMBER = r"\d{1,9}", r"\d{1,9}(\.\d{1,9})?"
_PLACE: Mapping[str, str | None] = {
    "--placer": "heap|sa|static",
    "--router": "router1|router2",
    "--opt-timing": None,
    "--tmg-ripup": None,
    "--no-tmdriv": None,
    "--ignore-loops": None,
    "--parallel-refine": None,
    "--threads": _INTEGER,
    "--slack_redist_iter": _INTEGER,
    "--cstrweight": _NUMBER,
    "--starttemp": _NUMBER,
    "--placer-heap-alpha": _NUMBER,
    "--placer-heap-beta": _NUMBER,
    "--placer-heap-critexp": _INTEGER,
    "--placer-heap-timingweight": _INTEGER,
}
_SYNTH: Mapping[str, str | None] = dict.fromkeys(
    ("-no-rw-check", "-retime", "-abc2", "-abc9", "-dff", "-nodffe", "-nobram")
)
ARGUMENTS: Mapping[str, Mapping[str, Mapping[str, str | None]]] = {
    "synth_args": {
        "ice40": {**_SYNTH, "-device": "hx|lp|u", "-dsp": None, "-spram": None, "-nocarry": None},
        "ecp5": {**_SYNTH, "-noccu2": None, "-nolutram": None, "-nowidemux": None, "-nodsp": None},
    },
    "place_args": {
        "ice40": {**_PLACE, "--no-promote-globals": None, "--promote-logic": None},
        "ecp5": _PLACE,
    },
    "pack_args": {
        "ice40": {"-s": None},
        "ecp5": {
            "--compress": None,
            "--freq": _NUMBER,
            "--spimode": "fast-read|dual-spi|qspi",
            "--bootaddr": "0x[0-9a-fA-F]{1,8}",
            "--background": None,
        },
    },
}
"""Field -> family -> option -> the form of its value as a regular expression; None where it has none."""


def text(fields: Fields, name: str, form: Form) -> str:
    """A string of one form; UserError naming the field otherwise."""
    value = fields.text(name)
    if not form[0].fullmatch(value):
        fields.fail(name, f"must be {form[1]}, not {value!r}")
    return value


def texts(fields: Fields, name: str, form: Form) -> tuple[str, ...]:
    """A list of strings of one form; UserError naming the field otherwise."""
    values = fields.texts(name)
    for value in values:
        if not form[0].fullmatch(value):
            fields.fail(name, f"must be {form[1]}, not {value!r}")
    return values


def arguments(fields: Fields, name: str, family: str) -> tuple[str, ...]:
    """Options for a tool, each known and with a value of its form; UserError naming the field otherwise."""
    known = ARGUMENTS[name][family]
    words = fields.texts(name)
    rest = list(words)
    while rest:
        option = rest.pop(0)
        if option not in known:
            fields.fail(name, f"may hold {', '.join(known)}, not {option!r}")
        form = known[option]
        if form is None:
            continue
        value = rest.pop(0) if rest else ""
        if not re.fullmatch(form, value):
            fields.fail(name, f"must give {option} a value of the form {form}, not {value!r}")
    return words
