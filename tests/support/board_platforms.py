"""What amaranth-boards says of the boards that ship: an independent source of pins and polarities."""

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """Where amaranth-boards has a board of ours, and what our ports are called there.

    Parameters
    ----------
    module, cls
        Of the platform.
    rx, tx
        As :func:`pin` reads it: "RESOURCE NUMBER SIGNAL INDEX" or "CONNECTOR NUMBER: PIN".
    leds
        The same of every light.
    button
        The same of the reset button; None where the board file names none.
    spi
        The same of sck, cs, mosi and miso; empty where the board file has no SPI.
    """

    module: str
    cls: str
    leds: tuple[str, ...]
    rx: str = "uart 0 rx"
    tx: str = "uart 0 tx"
    button: str | None = None
    spi: tuple[str, ...] = ()


_RGB = tuple(f"rgb_led 0 {colour}" for colour in "rgb")
_EIGHT = tuple(f"led {number}" for number in range(8))


def _pmod(number: int) -> tuple[str, ...]:
    """SPI at a PMOD as Digilent's type 2 has it: from pin 1 on cs, mosi, miso, sck."""
    return tuple(f"pmod {number}: {place}" for place in (4, 1, 2, 3))


def _ulx3s(device: str) -> Source:
    spi = tuple(f"gpio 0: {name}" for name in ("14-", "14+", "15+", "15-"))
    return Source("ulx3s", f"ULX3S_{device}_Platform", _EIGHT, button="button 0", spi=spi)


def _orangecrab(device: str) -> Source:
    return Source("orangecrab_r0_2", f"OrangeCrabR0_2_{device}Platform", _RGB, "io 0: 0", "io 0: 1")


def _ecpix(device: str) -> Source:
    return Source("ecpix5", f"ECPIX5{device}Platform", _RGB, button="rst 0", spi=_pmod(0))


SOURCES = {
    "icebreaker": Source(
        "icebreaker", "ICEBreakerPlatform", ("led 0", "led 1"), button="button 0", spi=_pmod(0)
    ),
    "tinyfpga-bx": Source(
        "tinyfpga_bx",
        "TinyFPGABXPlatform",
        ("led 0",),
        "gpio 0: 1",
        "gpio 0: 2",
        spi=tuple(f"gpio 0: {number}" for number in (5, 3, 4, 6)),
    ),
    "orangecrab-25f": _orangecrab("25F"),
    "orangecrab-85f": _orangecrab("85F"),
    "ulx3s-12f": _ulx3s("12F"),
    "ulx3s-25f": _ulx3s("25F"),
    "ulx3s-45f": _ulx3s("45F"),
    "ulx3s-85f": _ulx3s("85F"),
    "ecpix-5-45f": _ecpix("45"),
    "ecpix-5-85f": _ecpix("85"),
    "butterstick": Source(
        "butterstick",
        "ButterStickPlatform",
        ("sd_card_4bit 0 cmd",),
        "sd_card_4bit 0 dat 0",
        "sd_card_4bit 0 dat 3",
    ),
    "colorlight-5a-75b": Source("colorlight_5a75b_r7_0", "Colorlight_5A75B_R70Platform", ("j 1: 1",)),
    "ice40-hx8k-evn": Source("ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform", _EIGHT),
    "upduino-v3": Source("upduino_v3", "UpduinoV3Platform", _RGB, "j 0: 7", "j 0: 8"),
    "tang-nano-9k": Source(
        "tang_nano_9k", "TangNano9kPlatform", tuple(f"led {number}" for number in range(6)), button="button 0"
    ),
    "arty-a7-35t": Source(
        "arty_a7",
        "ArtyA7_35Platform",
        tuple(f"led {number}" for number in range(4)),
        button="rst 0",
        spi=_pmod(1),
    ),
    "fomu-pvt": Source("fomu_pvt", "FomuPVTPlatform", ("led 0",), "touch 0", "touch 1"),
}
"""By the board's name."""

WITHOUT = {"colorlight-i5", "tang-nano-20k"}
"""Boards that amaranth-boards does not have; their files say where the pins come from."""

CLOCKS = {"upduino-v3": "clk12"}
"""Where our clock is not the platform's own default."""


def platform_of(name: str) -> Any:
    """The platform of amaranth-boards for a board of ours."""
    source = SOURCES[name]
    return getattr(importlib.import_module(f"amaranth_boards.{source.module}"), source.cls)()


def pin(platform: Any, path: str) -> tuple[str, bool]:
    """The package pin that a path of :class:`Source` names, and whether it is inverted (active low)."""
    if ":" in path:
        connector, _, wire = path.partition(": ")
        name, number = connector.split()
        return platform.connectors[name, int(number)].mapping[wire], False
    name, number, *inside = path.split()
    ios = platform.lookup(name, int(number)).ios
    if inside:
        ios = next(io for io in ios if getattr(io, "name", None) == inside[0]).ios
    return ios[0].names[int(inside[1]) if inside[1:] else 0], ios[0].invert
