"""Keywords of the Python API: the command line's options, out of the same table, by their long names."""

import difflib
import functools
import inspect
import operator
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from qsnn_hw.build.effective import changed as changed_by_fields
from qsnn_hw.build.network_options import BuildRounding, CalibrationOptions, RoundingOptions
from qsnn_hw.build.option import NONE, Entry, entries
from qsnn_hw.build.option_table import SavedOptions
from qsnn_hw.build.option_values import ALL
from qsnn_hw.build.options import BuildOptions
from qsnn_hw.build.sample_options import CheckOptions, FinetuneOptions, InferOptions

F = TypeVar("F", bound=Callable[..., Any])

Option: TypeAlias = str | int | float | bool | os.PathLike[str] | Sequence[int] | Mapping[str, int] | None
"""The value of an option; None stands for one that is not given."""


def _by_keyword(*records: type) -> dict[str, Entry]:
    return {entry.name.removeprefix("--").replace("-", "_"): entry for entry in entries(*records)}


_ENTRIES = _by_keyword(BuildRounding, SavedOptions)
_ON_SAMPLES = {
    method: _by_keyword(record)
    for method, record in (("infer", InferOptions), ("check", CheckOptions), ("finetune", FinetuneOptions))
}
"""Method that builds nothing -> its options by keyword."""

_LOAD = ("MODEL", "convention", "set")
_QUANTIZE = tuple(
    keyword
    for keyword, entry in _ENTRIES.items()
    if entry.field in {item.field for item in entries(RoundingOptions, CalibrationOptions)}
    or entry.field in ("data", "layout", "samples", "encoder", "steps", "readout")
    or entry.field.startswith("encoder_")
)
_COMPARE = ("layout", "samples", "seed", "simulator")
_BUILD = ("seed", "simulator")

BY_METHOD: Mapping[str, tuple[str, ...]] = {
    "quantize": _QUANTIZE,
    # An option that is new in the table is the plan's, unless it is said above.
    "plan": tuple(keyword for keyword in _ENTRIES if keyword not in (*_LOAD, *_QUANTIZE, *_BUILD)),
    "generate": (),
    "simulate": _COMPARE,
    "verify": _COMPARE,
    "synth": ("seed",),
    "build": _BUILD,
    **{
        method: tuple(keyword for keyword in by_keyword if keyword not in (*_LOAD, "data"))
        for method, by_keyword in _ON_SAMPLES.items()
    },
}
"""Method -> the options that it takes as keywords."""


def takes_options(method: F) -> F:
    """Refuse keywords that are none of the method's options; signature and docstring show those that are.

    The method has ``**options``; options that it names itself are left to it.
    """
    signature = inspect.signature(method)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    named = [p.name for p in own]
    known = [keyword for keyword in BY_METHOD[method.__name__] if keyword not in named]
    of = _ON_SAMPLES.get(method.__name__, _ENTRIES)

    @functools.wraps(method)
    def checked(*values: Any, **options: Any) -> Any:
        for keyword in options:
            if keyword not in named and keyword not in known:
                raise TypeError(_unknown(method.__name__, keyword, [*named[1:], *known]))
        return method(*values, **options)

    more = [
        inspect.Parameter(
            keyword,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=typing.Union[(*of[keyword].kind, None)],
        )
        for keyword in known
    ]
    checked.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    if known:
        about = (f"{keyword}\n    {of[keyword].text({})}" for keyword in known)
        checked.__doc__ = "\n".join([inspect.getdoc(method) or "", "", "Options", "-------", *about])
    return checked  # type: ignore[return-value]


def _unknown(method: str, keyword: str, known: Sequence[str]) -> str:
    elsewhere = [other for other, keywords in BY_METHOD.items() if keyword in keywords]
    if elsewhere:
        return f"{keyword} is not an option of {method}() but of {elsewhere[0]}()"
    near = difflib.get_close_matches(keyword, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}"
    return f"{method}() has no option {keyword!r}; {hint}"


def settings_of(fields: Mapping[str, object] | None) -> dict[str, str]:
    """Fields of a convention as ``--set`` takes them, of Python's values."""
    return {name: _text(value) for name, value in (fields or {}).items()}


def _text(value: object) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def changed(base: BuildOptions, keywords: Mapping[str, Any]) -> BuildOptions:
    """The options of ``base`` with those that are given by keyword, None standing for one that is not.

    Raises
    ------
    TypeError
        A value is of another type than the option's.
    UserError
        A value is out of range, or two options do not go together.
    """
    return changed_by_fields(base, _fields(_ENTRIES, keywords))


def asked_of(method: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the record of ``infer``, ``check`` or ``finetune``, and their values, of what is given.

    Raises
    ------
    TypeError
        A value is of another type than the option's.
    UserError
        A value is out of range.
    """
    by_keyword = _ON_SAMPLES[method]
    fields = _fields(by_keyword, keywords)
    for entry in by_keyword.values():
        if entry.field in fields:
            entry.check_word(fields[entry.field])
            entry.check(fields[entry.field])
    return fields


def _fields(by_keyword: Mapping[str, Entry], keywords: Mapping[str, Any]) -> dict[str, Any]:
    said = {keyword: value for keyword, value in keywords.items() if value is not None}
    return {
        by_keyword[keyword].field: _value(by_keyword[keyword], keyword, value)
        for keyword, value in said.items()
    }


def _value(entry: Entry, keyword: str, value: Any) -> Any:
    """A value of Python as the option's field has it."""
    if (entry.option.none and value == NONE) or (entry.field == "samples" and value == ALL):
        return None
    kind = entry.kind
    if entry.repeated:
        return {str(name): _whole(f"{keyword} of {name}", number) for name, number in value.items()}
    if kind == (int,):
        return _whole(keyword, value)
    if kind == (float,):
        return _number(keyword, value)
    if typing.get_origin(kind[0]) is tuple:
        each = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        if typing.get_args(kind[0])[0] is int:
            return tuple(_whole(keyword, number) for number in each)
        return entry.value(",".join(_name(keyword, word) for word in each))
    if kind == (str,) and entry.field == "weight_bits":
        return value if value == "float" else str(_whole(keyword, value))
    if kind == (str,):
        return _name(keyword, value)
    return value


def _whole(keyword: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{keyword} must be a whole number, not {value!r}")
    return operator.index(value)


def _number(keyword: str, value: Any) -> float:
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise TypeError(f"{keyword} must be a number, not {value!r}")
    return float(value)


def _name(keyword: str, value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{keyword} must be a name or a file, not {value!r}")
    return os.fspath(value)
