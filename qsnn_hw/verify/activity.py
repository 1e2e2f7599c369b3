"""What the activity counters of the traced form showed: checked, and put into records."""

from collections.abc import Mapping, Sequence
from typing import Any

from qsnn_hw.plan import HardwarePlan
from qsnn_hw.support.errors import MismatchError, ToolError
from qsnn_hw.verify.case import Case
from qsnn_hw.verify.record import Counted, GroupActivity
from qsnn_hw.verify.work import synapse_reads

# Back to back is how a design works that has something to do; alone it rests between samples.
_COUNTED_IN = ("stream", "alone")

_GROUP_FIELDS = tuple(name for name in GroupActivity.__dataclass_fields__ if name != "synapse_bits")


def check_counters(
    plan: HardwarePlan, case: Case, name: str, results: Sequence[Mapping[str, Any]], simulator: str
) -> None:
    """Hold the counters of one pass against golden's events and the bench's own clock.

    Raises
    ------
    MismatchError
        A group read more or fewer words of synapse memory than its events need.
    ToolError
        Counters that are undefined, or that cannot be: nothing they say would be worth a thing.
    """
    for result in results:
        where = f"{simulator}, pass {name}"
        cycles = result["around"]["cycles"]
        if cycles != result["cycles"]:
            raise ToolError(
                f"{where}: cycles counted are {cycles}, those of the clock {result['cycles']}: "
                f"activity cannot be trusted"
            )
        part = case.part(result["first"], result["stop"])
        needed = synapse_reads(plan, part.inputs, {group.group: group.spikes for group in part.groups})
        for group in case.groups:
            counted, whole = result["activity"][group.group], result["in_all"][group.group]
            for counter in _GROUP_FIELDS:
                if counted[counter] is None or whole[counter] is None:
                    raise ToolError(f"{where}: group {group.group!r}: counter {counter} is undefined")
            if whole["synapse_reads"] != needed[group.group]:
                raise MismatchError(
                    f"hardware and golden differ ({where}): group {group.group!r} read "
                    f"{whole['synapse_reads']} words of synapse memory, golden's events need "
                    f"{needed[group.group]}"
                )
            if whole["words_out"] != result["sent_words"][group.group]:
                raise ToolError(
                    f"{where}: group {group.group!r} sent {result['sent_words'][group.group]} words, "
                    f"its counter says {whole['words_out']}"
                )
            most = min(cycles, counted["operation_cycles"] + counted["sweep_cycles"])
            least = max(counted["operation_cycles"], counted["sweep_cycles"])
            if not least <= counted["busy_cycles"] <= most:
                raise ToolError(
                    f"{where}: group {group.group!r} was busy in {counted['busy_cycles']} of {cycles} "
                    f"cycles, which must be {least} to {most}"
                )


def count_activity(
    plan: HardwarePlan, results: Mapping[str, Sequence[Mapping[str, Any]]], counts: Mapping[str, int]
) -> Counted:
    """The activity of the pass back to back, else of the pass alone, else none."""
    name = next((name for name in _COUNTED_IN if name in counts), None)
    if name is None:
        return Counted()
    parts = results[name]
    cycles, groups, toggles = _sums(plan, [(part["activity"], part["around"]) for part in parts])
    first = parts[0]
    watched = (*first["activity"].values(), first["around"])
    bits = 0 if toggles is None else sum(counted["toggle_bits"] for counted in watched)
    rest = _sums(plan, [(part["rest"], part["rest_around"]) for part in parts])
    return Counted(
        activity_pass=name,
        activity_cycles=cycles,
        activity_samples=counts[name],
        groups=groups,
        toggles=toggles,
        toggle_bits=bits,
        rest_cycles=rest[0],
        rest_groups=rest[1],
        rest_toggles=rest[2],
    )


def _sums(
    plan: HardwarePlan, parts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> tuple[int, dict[str, GroupActivity], dict[str, float] | None]:
    """Cycles, what each group did in them, and the bits that switched in a mean one.

    Parameters
    ----------
    parts
        What was counted of the groups, and of what is around them, part by part.
    """
    cycles = sum(around["cycles"] for _, around in parts)
    groups = {}
    for group in plan.groups:
        sums = {counter: sum(of[group.group][counter] for of, _ in parts) for counter in _GROUP_FIELDS}
        groups[group.group] = GroupActivity(synapse_bits=group.lanes * group.weight_bits, **sums)
    watched = [{**of, "around": around} for of, around in parts]
    toggles = None
    # A simulator of four levels may never have seen a register defined.
    if all(counted["toggles"] is not None for part in watched for counted in part.values()):
        toggles = {key: sum(part[key]["toggles"] for part in watched) / cycles for key in watched[0]}
    return cycles, groups, toggles
