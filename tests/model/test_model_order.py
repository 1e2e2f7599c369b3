"""Sources first, loops cut nearest the input."""

from qsnn_hw.model.network import INPUT
from qsnn_hw.model.order import order_groups


def test_chain_skip_and_names() -> None:
    assert order_groups({"c": {"a", "b"}, "b": {"a", INPUT}, "a": {INPUT}}) == ["a", "b", "c"]


def test_two_loops_in_a_row_with_a_shortcut() -> None:
    # d is one projection from the input, yet in the second loop: the first loop comes first.
    sources = {
        "a": {INPUT, "b"},
        "b": {"a"},
        "c": {"b", "d"},
        "d": {"c", INPUT},
    }
    assert order_groups(sources) == ["a", "b", "d", "c"]


def test_a_loop_behind_the_input_is_not_cut_into_by_what_follows() -> None:
    # z would be nearest by name and distance alone, but it waits for the loop x-y.
    assert order_groups({"x": {"y", INPUT}, "y": {"x"}, "a": {"y", INPUT, "a"}}) == ["x", "y", "a"]


def test_self_loops_do_not_block() -> None:
    assert order_groups({"b": {"b", "a"}, "a": {"a", INPUT}}) == ["a", "b"]
