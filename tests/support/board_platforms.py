"""What amaranth-boards says of the boards that ship: an independent source of pins and polarities."""

import importlib
from typing import Any

PLATFORMS = {
    "icebreaker": ("icebreaker", "ICEBreakerPlatform"),
    "tinyfpga-bx": ("tinyfpga_bx", "TinyFPGABXPlatform"),
    "orangecrab-25f": ("orangecrab_r0_2", "OrangeCrabR0_2_25FPlatform"),
    "ulx3s-25f": ("ulx3s", "ULX3S_25F_Platform"),
    "ulx3s-45f": ("ulx3s", "ULX3S_45F_Platform"),
    "ulx3s-85f": ("ulx3s", "ULX3S_85F_Platform"),
}


def platform_of(name: str) -> Any:
    """The platform of amaranth-boards for a board of ours."""
    module, cls = PLATFORMS[name]
    return getattr(importlib.import_module(f"amaranth_boards.{module}"), cls)()


def pins(platform: Any, name: str, number: int = 0, sub: str | None = None) -> tuple[list[str], bool]:
    """The package pins of a resource, and whether it is inverted (active low)."""
    found = platform.lookup(name, number).ios
    if sub is not None:
        found = next(io for io in found if getattr(io, "name", None) == sub).ios
    return list(found[0].names), found[0].invert


def leds(platform: Any, count: int) -> list[tuple[list[str], bool]]:
    """Pins and inversion of the first LEDs, or of the colours of one."""
    if ("led", 0) in platform.resources:
        return [pins(platform, "led", number) for number in range(count)]
    return [pins(platform, "rgb_led", sub=colour) for colour in ("r", "g", "b")]
