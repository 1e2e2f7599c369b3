"""What yosys says while it works."""

import re

_PASS = re.compile(r"^[\d.]+ Executing (\S+)")


def pass_name(line: str) -> str | None:
    """The pass that a line of its output announces: what there is to say meanwhile."""
    match = _PASS.match(line)
    return match[1] if match is not None else None
