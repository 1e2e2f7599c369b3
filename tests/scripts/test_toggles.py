"""scripts/toggles: what it reads of Verilator's coverage, and what it leaves out."""

import pytest
from toggles import Bits, by_module, edges, main

from qsnn_hw.support.errors import ToolError


def point(module: str, signal: str, count: int, page: str = "v_toggle") -> str:
    fields = {"f": "design.v", "l": "7", "page": f"{page}/{module}", "o": signal, "h": "TOP"}
    return "C '" + "".join(f"\x01{k}\x02{v}" for k, v in fields.items()) + f"' {count}\n"


def test_a_bit_counts_that_rose_in_one_pass_and_fell_in_another() -> None:
    found: Bits = {}
    edges("# SystemC::Coverage-3\n" + point("net.a", "x[0]:0->1", 3) + point("net.a", "x[0]:1->0", 0), found)
    edges(point("net.a", "x[1]:0->1", 1) + point("net.a", "x[1]:1->0", 2), found)
    edges(point("net.b", "y:0->1", 0) + point("net.b", "y:1->0", 0) + point("net.b", "7", 9, "v_line"), found)
    edges(point("net.a.watch", "z:0->1", 1) + point("net.sent_a", "z:0->1", 1) + point("net", "v", 1), found)
    assert by_module(found) == [("net.a", 2, 1), ("net.b", 1, 0)]
    edges(point("net.a", "x[0]:1->0", 1), found)
    assert by_module(found) == [("net.a", 2, 2), ("net.b", 1, 0)]


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(ToolError, match="no point of a toggle"):
        edges(point("net.a", "7", 9, "v_line"), {})


def test_the_number_of_samples_is_that_of_the_digits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--samples", "451"]) == 2
    assert capsys.readouterr().err == "error: --samples must be 1 to 450, not 451\n"
