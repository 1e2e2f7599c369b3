"""Conventions near a convention: fields in the bundles that matter together; a convention in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from qsnn_hw.model.convention import CHOICES, COMPARISON_WORDS, PRESETS, Convention, MaxSpikes
from qsnn_hw.model.graph import Graph
from qsnn_hw.model.network import MAX_SPIKES
from qsnn_hw.support.errors import UserError

Change = Mapping[str, object]

_LEAKY = ("LIF", "CubaLIF", "LI", "CubaLI")
_CLAMPS = (None, 0.0, -1.0)
_LIMITS = 3


def _fires(
    reset: str, *, late: bool = False, retest: bool = False, most: MaxSpikes = 1, drops: str = "never"
) -> Change:
    # A field that decides nothing beside the others stays as it is.
    change: dict[str, object] = {"reset": reset, "max_spikes": most}
    if reset != "none":
        change["reset_delay"] = late
    if reset in ("subtract", "zero") and not late:
        change["reset_retest"] = retest
    if reset == "zero" and late:
        change["reset_drops_input"] = drops
    return change


# What a spike does is one question: its fields only make sense together. Likeliest first.
_FIRING = (
    _fires("subtract", late=True),
    _fires("zero", late=True, drops="snntorch"),
    _fires("subtract"),
    _fires("zero"),
    _fires("v_reset"),
    _fires("subtract", most="unlimited"),
    _fires("subtract", retest=True),
    _fires("zero", retest=True),
    _fires("none"),
    _fires("zero", late=True),
    _fires("zero", late=True, drops="always"),
)

# Where tau is the retention itself, no gain can be a step of Euler's.
DIRECT: Change = {"decay": "direct", "input_gain": "r", "integrator_gain": "r", "current_gain": "w_in"}


@dataclass(frozen=True)
class Variants:
    """What may be changed in a convention for one file.

    Parameters
    ----------
    variables
        Name of a question -> its answers, each a set of fields.
    """

    variables: Mapping[str, tuple[Change, ...]]

    @classmethod
    def of(cls, graph: Graph | None, steps: tuple[float, ...], most: int = 1) -> "Variants":
        """Those that can matter to ``graph`` (to any file, where it is None), with time steps ``steps``.

        ``most`` is the most spikes of an output neuron in a step that the framework's own output has.
        """
        kinds = None if graph is None else {node.type for node in graph.nodes.values()}

        def has(*wanted: str) -> bool:
            return kinds is None or not kinds.isdisjoint(wanted)

        variables: dict[str, tuple[Change, ...]] = {}
        if has("LIF", "IF", "CubaLIF"):
            # A limit is no lower than what the output shows; one far above it would show nowhere.
            low = max(2, most)
            limits = range(low, min(low + _LIMITS, MAX_SPIKES + 1))
            variables["firing"] = (*_FIRING, *(_fires("subtract", most=limit) for limit in limits))
            variables["comparison"] = _each("comparison")
        if has(*_LEAKY):
            # Before dt: another dt may do the same to the numbers, but is not what happened.
            variables["tau_fix"] = _each("tau_fix")
        if has("IF", "I") or has(*_LEAKY, "Delay"):
            variables["dt"] = tuple({"dt": step} for step in steps)
        if has(*_LEAKY):
            variables["decay"] = ({"decay": "euler"}, {"decay": "exponential"}, DIRECT)
            variables["input_gain"] = _each("input_gain")
        if has("CubaLIF", "CubaLI"):
            variables["current_gain"] = _each("current_gain")
        if has("IF", "I"):
            variables["integrator_gain"] = _each("integrator_gain")
        if has("LIF", "IF", "CubaLIF"):
            variables["v_min"] = tuple({"v_min": clamp} for clamp in _CLAMPS)
        variables["start"] = _each("start")
        if has("Delay"):
            variables["delay_unit"] = _each("delay_unit")
        if has(*_LEAKY):
            variables["update"] = _each("update")
        return cls(variables)

    def near(self, point: Convention, names: tuple[str, ...]) -> Iterator[Convention]:
        """``point`` with every question of ``names`` answered otherwise."""
        if not names:
            yield point
            return
        for rest in self.near(point, names[:-1]):
            for change in self.variables[names[-1]]:
                neighbour = changed(rest, change)
                if neighbour is not None and neighbour != rest:
                    yield neighbour


def _each(name: str) -> tuple[Change, ...]:
    return tuple({name: value} for value in CHOICES[name])


def changed(point: Convention, change: Change) -> Convention | None:
    """``point`` with other fields; None where they contradict each other."""
    try:
        return replace(point, **change)  # type: ignore[arg-type]
    except UserError:
        return None


def starts(checked: Convention, steps: tuple[float, ...]) -> tuple[Convention, ...]:
    """Where a search begins: the checked convention, every preset, and tau as the retention itself.

    A preset without a time step of its own takes that of the checked one, or the likeliest.
    """
    begin = [checked]
    for preset in PRESETS.values():
        begin.append(preset if preset.dt is not None else replace(preset, dt=checked.dt or steps[0]))
    direct = changed(begin[-1], DIRECT)
    assert direct is not None
    return tuple(dict.fromkeys([*begin, direct, *_with(direct, ">=")]))


def _with(point: Convention, comparison: str) -> tuple[Convention, ...]:
    other = changed(point, {"comparison": comparison})
    return () if other is None else (other,)


def differences(point: Convention, base: Convention) -> dict[str, object]:
    """Field -> value of ``point`` where ``base`` has another, in the order of the fields."""
    return {
        item.name: getattr(point, item.name)
        for item in fields(point)
        if item.name != "name" and getattr(point, item.name) != getattr(base, item.name)
    }


def words(point: Convention, checked: Convention) -> str:
    """All the command line options that say ``point``, whose name is the preset that it is counted from.

    A field that ``checked`` had set otherwise is named even where the preset has it already.
    """
    said = differences(point, PRESETS[point.name])
    if checked.name in PRESETS:
        others = differences(checked, PRESETS[checked.name])
        said |= {name: getattr(point, name) for name in others if getattr(point, name) != others[name]}
    return " ".join([f"--convention {point.name}", *(f"--set {name}={_text(v)}" for name, v in said.items())])


def _text(value: object) -> str:
    if value is None:
        return "none"
    if value in COMPARISON_WORDS.values():
        return next(word for word, sign in COMPARISON_WORDS.items() if sign == value)
    return str(value).lower() if isinstance(value, bool) else str(value)
