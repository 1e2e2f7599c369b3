"""Which words a board file may hold: they become file names, command lines, scripts and constraint files.

A board file comes from anywhere. None of its words may name a file, run a command or be taken for another
option, so tool options are those that the device family lists, each with the form of its value.
"""

import re

from qsnn_hw.families.family import Options
from qsnn_hw.support.fields import Fields

Form = tuple[re.Pattern[str], str]
"""What a word must match whole, and the same in words."""

FILE_NAME: Form = (re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"), "letters, digits, '.', '_' and '-'")
WORD: Form = (re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"), "letters, digits, '_' and '-'")
LINE: Form = (
    re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,1000}"),
    "one line of at most 1000 characters without control characters",
)


def text(fields: Fields, name: str, form: Form) -> str:
    """A string of one form; UserError naming the field otherwise."""
    value = fields.text(name)
    if not form[0].fullmatch(value):
        fields.fail(name, f"must be {form[1]}, not {value!r}")
    return value


def optional_text(fields: Fields, name: str, form: Form) -> str | None:
    """A string of one form, or None where the field is absent; UserError naming the field otherwise."""
    value = fields.optional_text(name)
    if value is not None and not form[0].fullmatch(value):
        fields.fail(name, f"must be {form[1]}, not {value!r}")
    return value


def texts(fields: Fields, name: str, form: Form) -> tuple[str, ...]:
    """A list of strings of one form; UserError naming the field otherwise."""
    values = fields.texts(name)
    for value in values:
        if not form[0].fullmatch(value):
            fields.fail(name, f"must be {form[1]}, not {value!r}")
    return values


def text_or_texts(fields: Fields, name: str, form: Form) -> tuple[str, ...]:
    """A string of one form, or a list of them; UserError naming the field otherwise."""
    return texts(fields, name, form) if fields.is_list(name) else (text(fields, name, form),)


def arguments(fields: Fields, name: str, known: Options) -> tuple[str, ...]:
    """Options for a tool, each known and with a value of its form; UserError naming the field otherwise."""
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
