"""Figures on the pages that are cheap to make again: made and compared with the pages, or written there.

A page holds such figures between two marks:

    <!-- figures NAME -->
    ...
    <!-- end NAME -->

``scripts/figures --check`` makes every block and compares it with its page, line by line; exit status 1
where one differs. ``scripts/figures --write`` puts them in. Blocks that need models which are not here are
named and left out; those that take minutes are made with ``--slow``.
"""

import argparse
import contextlib
import difflib
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bench_accuracy
import board_pages
import chosen_designs
import fit_resources
import hardware_pages
import largest_networks
import options_page
import power_validation
import script
import tables
from script import ROOT, SHARED
from user_command import qsnn_hw

from qsnn_hw.support.errors import ToolError, UserError
from qsnn_hw.support.files import write_text


@dataclass(frozen=True)
class Block:
    """Figures on a page.

    Parameters
    ----------
    name
        Of its marks.
    page
        Relative to the project's root.
    make
        Gives the text between the marks.
    needs
        Files without which it cannot be made.
    slow
        Takes minutes.
    """

    name: str
    page: str
    make: Callable[[], str]
    needs: tuple[Path, ...] = ()
    slow: bool = False

    @property
    def absent(self) -> Path | None:
        """The first file that is missing."""
        return next((path for path in self.needs if not path.exists()), None)

    def shown(self) -> str:
        """What the page has between the marks.

        Raises
        ------
        UserError
            The page has no such marks.
        """
        return self._parts()[1]

    def write(self, text: str) -> None:
        """Put ``text`` between the marks."""
        before, _, after = self._parts()
        write_text(ROOT / self.page, before + text + after)

    def _parts(self) -> tuple[str, str, str]:
        page = (ROOT / self.page).read_text(encoding="utf-8")
        first, last = f"<!-- figures {self.name} -->\n", f"<!-- end {self.name} -->"
        if page.count(first) != 1 or page.count(last) != 1:
            raise UserError(f"{self.page} must have one pair of marks {first.strip()} ... {last}")
        start, end = page.index(first) + len(first), page.index(last)
        return page[:start], page[start:end], page[end:]


# What the accuracy line of ``qsnn-hw infer`` says.
_ACCURACY = re.compile(r"accuracy ([\d.]+) % on ([\d,]+) samples")
EXAMPLES = {
    "digits": ("digits/digits_64-32-10.nir", "digits/digits_test.npz", "snntorch", "count"),
    "mnist_fast": ("mnist_fast/mnist_fast.nir", "mnist_fast/mnist_fast_test.npz", "norse", "first"),
    "mnist_conv": ("mnist_conv/mnist_conv.nir", "mnist_conv/mnist_conv_test.npz", "snntorch", "count"),
}
"""Model, samples, convention, readout of every shipped example."""


def examples() -> str:
    """Accuracy of the shipped networks on the shipped samples, by ``qsnn-hw infer``."""
    lines = []
    for name, (model, data, convention, readout) in EXAMPLES.items():
        cells, samples = [], ""
        for bits in ("float", "8", "4"):
            arguments: list[str | Path] = ["infer", ROOT / "examples" / model, "--convention", convention]
            arguments += ["--data", ROOT / "examples" / data, "--readout", readout, "--bits", bits]
            arguments += [] if bits == "float" else ["--clip", "mse"]
            ended = qsnn_hw(arguments)
            accuracy = _ACCURACY.search(ended.output)
            if ended.status or accuracy is None:
                raise ToolError(f"{ended.command} says no accuracy: {ended.last_line}")
            cells.append(f"{accuracy[1]} %")
            samples = accuracy[2]
        lines.append((f"{name}, readout {readout}", samples, *cells))
    return tables.table(("example", "samples", "float", "8 bits", "4 bits"), lines)


def accuracy_table(case: str) -> Callable[[], str]:
    """The table that bench_accuracy.py prints for ``case``, without its heading."""

    def make() -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            bench_accuracy.table(bench_accuracy.CASES[case](SHARED, None))
        return printed.getvalue().split("\n\n", 1)[1]

    return make


def _stored(case: str, *files: str, slow: bool = False) -> Block:
    needs = tuple(SHARED / file for file in files)
    return Block(f"accuracy-{case}", "docs/quantization.md", accuracy_table(case), needs, slow)


def peers() -> str:
    """This project's rows beside the peers': those of docs/hardware.md."""
    return hardware_pages.peer_rows((ROOT / "docs" / "hardware.md").read_text(encoding="utf-8"))


BLOCKS: tuple[Block, ...] = (
    Block("examples", "docs/quantization.md", examples),
    _stored("digits", "snntorch_digits_64-32-10.nir", "snntorch_digits_64-32-10.npz"),
    _stored("norse", "norse_digits_64-40-10.tau_fixed.nir", "norse_digits_64-40-10.npz"),
    _stored("sinabs", "sinabs_conv_mnist.nir", "sinabs_conv_mnist.npz", slow=True),
    _stored("mnist", "snntorch_mnist_784-128-10.nir", "mnist/t10k-images-idx3-ubyte.gz", slow=True),
    _stored("braille", "nir_paper/braille.npz", slow=True),
    Block("options", "docs/options.md", options_page.tables),
    Block("boards", "docs/boards.md", board_pages.boards),
    Block("spi", "docs/boards.md", board_pages.spi),
    Block("power", "docs/power.md", power_validation.text),
    Block("peers-own", "docs/peers.md", peers),
    Block("resources", "docs/resources.md", fit_resources.table),
    Block("chosen", "docs/resources.md", lambda: chosen_designs.table(chosen_designs.QUICK)),
    Block(
        "chosen-large",
        "docs/resources.md",
        lambda: chosen_designs.table(chosen_designs.LARGE),
        tuple(row.model for row in chosen_designs.LARGE),
        slow=True,
    ),
    Block("largest", "docs/resources.md", largest_networks.table, slow=True),
)


def compare(block: Block) -> list[str]:
    """The lines in which the page and what was made now differ; none where they agree."""
    now, shown = block.make().splitlines(), block.shown().splitlines()
    return list(difflib.unified_diff(shown, now, f"{block.page} {block.name}", "made now", lineterm="", n=0))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="scripts/figures", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    command.add_argument("names", nargs="*", help="blocks; all without any")
    what = command.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with the pages (default)")
    what.add_argument("--write", action="store_true", help="write into the pages")
    command.add_argument("--slow", action="store_true", help="those that take minutes, too")
    return command


def main() -> int:
    """Check or write; 1 where a page differs."""
    arguments = parser().parse_args()
    known = {block.name: block for block in BLOCKS}

    def work() -> int:
        differ = 0
        unknown = [name for name in arguments.names if name not in known]
        if unknown:
            raise UserError(f"no figures {unknown[0]!r}; there are {', '.join(known)}")
        for name in arguments.names or known:
            block = known[name]
            if block.absent is not None:
                print(f"{name}: left out, {block.absent} is absent", flush=True)
            elif block.slow and not arguments.slow and not arguments.names:
                print(f"{name}: left out, takes minutes (--slow)", flush=True)
            elif arguments.write:
                block.write(block.make())
                print(f"{name}: written to {block.page}", flush=True)
            else:
                lines = compare(block)
                print(f"{name}: {'differs from' if lines else 'equals'} {block.page}", flush=True)
                print("".join(f"{line}\n" for line in lines), end="")
                differ += bool(lines)
        return int(differ > 0)

    return script.ended(work)


if __name__ == "__main__":
    sys.exit(main())
