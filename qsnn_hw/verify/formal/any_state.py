"""Takes the initial state away from a module under proof, so that a reset has to make it."""

import re

_MODULE = re.compile(r"^module \\top\.dut(?:\.[^\n]*)?\n.*?^end$", re.MULTILINE | re.DOTALL)
_INIT = re.compile(r"^ *attribute \\init [^\n]*\n", re.MULTILINE)
_CONTENT = re.compile(
    r"^ *cell \$meminit_v2 [^\n]*\n *parameter \\MEMID (?P<name>[^\n]*)\n.*?^ *end\n",
    re.MULTILINE | re.DOTALL,
)


def from_any_state(text: str) -> str:
    """RTLIL in which no register of module ``top.dut`` and below, and no memory it writes, starts anywhere.

    Memories that nothing writes keep their content.
    """
    return _MODULE.sub(lambda found: _without_initial_values(found[0]), text)


def _without_initial_values(module: str) -> str:
    written = set(re.findall(r"cell \$memwr_v2 [^\n]*\n *parameter \\MEMID ([^\n]*)\n", module))
    module = _INIT.sub("", module)
    return _CONTENT.sub(lambda found: "" if found["name"] in written else found[0], module)
