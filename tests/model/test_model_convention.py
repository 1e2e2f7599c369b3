"""Presets, parsing of --set, and the error texts."""

import dataclasses
import re

import pytest

from qsnn_hw.model.convention import CHOICES, PRESETS, Convention
from qsnn_hw.support.errors import UserError


def test_presets_cover_the_frameworks() -> None:
    assert list(PRESETS) == ["snntorch", "norse", "sinabs", "spikingjelly", "rockpool", "nir"]
    assert all(PRESETS[name].name == name for name in PRESETS)


def test_settings_are_parsed_by_type() -> None:
    made = Convention.preset("snntorch").with_settings(
        {"dt": "1e-3", "reset_delay": "false", "v_min": "-1", "refractory": "2", "comparison": ">="}
    )
    assert (made.dt, made.reset_delay, made.v_min, made.refractory, made.comparison) == (
        1e-3,
        False,
        -1.0,
        2,
        ">=",
    )
    assert Convention.preset("sinabs").with_settings({"v_min": "none"}).v_min is None


def test_every_field_can_be_set() -> None:
    base = Convention.preset("norse")
    for item in dataclasses.fields(base):
        if item.name == "name":
            continue
        for choice in CHOICES.get(item.name, ()):
            if choice in ("direct",):
                continue
            assert getattr(base.with_settings({item.name: choice}), item.name) == choice
        if item.name not in CHOICES and item.name not in ("reset_delay", "max_spikes"):
            assert base.with_settings({item.name: "0.001" if item.name in ("dt", "v_min", "snap") else "1"})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"speed": "1"}, "unknown convention field 'speed'; --set knows dt, decay, comparison"),
        ({"reset": "hard"}, "reset is one of subtract, zero, v_reset, none, not 'hard'"),
        ({"comparison": "="}, "comparison is one of >, >=, not '='"),
        ({"reset_delay": "maybe"}, "reset_delay is true or false, not 'maybe'"),
        ({"dt": "fast"}, "dt is a number, not 'fast'"),
        ({"dt": "-1"}, "dt is a positive number, not -1.0"),
        ({"dt": "nan"}, "dt is a positive number, not nan"),
        ({"v_min": "low"}, "v_min is a number or none, not 'low'"),
        ({"v_min": "inf"}, "v_min is a finite number or none, not inf"),
        ({"refractory": "1.5"}, "refractory is a whole number of steps, not '1.5'"),
        ({"refractory": "-1"}, "refractory is 0 or more steps, not -1"),
        ({"snap": "0.5"}, "snap is a number from 0 to below 0.01, not 0.5"),
        ({"multi_spike": "yes please"}, "multi_spike is true or false, not 'yes please'"),
        ({"multi_spike": "true", "max_spikes": "2"}, "--set multi_spike says what --set max_spikes says"),
        ({"max_spikes": "0"}, "max_spikes is a whole number from 1 to 255 or unlimited, not 0"),
        ({"max_spikes": "256"}, "max_spikes is a whole number from 1 to 255 or unlimited, not 256"),
        ({"max_spikes": "2.5"}, "max_spikes is a whole number from 1 to 255 or unlimited, not '2.5'"),
        ({"max_spikes": "2"}, "max_spikes=2 needs reset=subtract and reset_delay=false"),
        ({"multi_spike": "true"}, "max_spikes=unlimited needs reset=subtract and reset_delay=false"),
        ({"reset": "v_reset"}, "reset_delay=true needs reset=subtract, zero or none, not v_reset"),
        ({"decay": "direct"}, "decay=direct means tau is the retention itself"),
    ],
)
def test_bad_settings_say_what_is_allowed(settings: dict[str, str], text: str) -> None:
    with pytest.raises(UserError, match=re.escape(text)):
        Convention.preset("snntorch").with_settings(settings)


def test_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(
        UserError, match="unknown convention 'brian'; --convention takes one of snntorch, nor"
    ):
        Convention.preset("brian")
