"""The table of planted faults, scripts/mutations.toml: what an entry says, and how it is planted."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from script import ROOT

from qsnn_hw.support.errors import UserError

TABLE = ROOT / "scripts" / "mutations.toml"


@dataclass(frozen=True)
class Fault:
    """One planted fault.

    Parameters
    ----------
    name
        Unique.
    file
        Where it is planted, from the root.
    old, new
        Text that is there exactly once, and what takes its place.
    says
        What the fault does, in a few words.
    tests
        Tests that ought to see it, as pytest names them, smallest first.
    equivalent
        Why nothing can see it, where nothing can.
    """

    name: str
    file: str
    old: str
    new: str
    says: str
    tests: tuple[str, ...]
    equivalent: str | None = None


def faults(table: Path | None = None) -> list[Fault]:
    """The faults of ``table``, by default of scripts/mutations.toml.

    Raises
    ------
    UserError
        An entry lacks something, or two have one name.
    """
    table = table or TABLE
    with table.open("rb") as file:
        entries = tomllib.load(file)["fault"]
    found = []
    for entry in entries:
        try:
            found.append(Fault(**{**entry, "tests": tuple(entry["tests"])}))
        except (TypeError, KeyError) as error:
            raise UserError(f"{table.name}: fault {entry.get('name')!r}: {error}") from error
    names = [fault.name for fault in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{table.name}: two faults are called {name}")
    return found


def planted(fault: Fault, text: str) -> str:
    """``text`` of the fault's file with the fault in it.

    Raises
    ------
    UserError
        What is to be replaced is not there exactly once, or nothing changes.
    """
    count = text.count(fault.old)
    if count != 1 or fault.old == fault.new:
        raise UserError(
            f"fault {fault.name}: its text is {count} times in {fault.file}, not once; mend the table"
        )
    return text.replace(fault.old, fault.new)


def key_of(fault: Fault) -> str:
    """Digest of a fault, of the file it is planted in and of its tests' files."""
    total = hashlib.sha256(json.dumps(asdict(fault), sort_keys=True).encode())
    for name in dict.fromkeys((fault.file, *(test.split("::")[0] for test in fault.tests))):
        path = ROOT / name
        if not path.exists():
            raise UserError(f"fault {fault.name}: there is no {name}")
        for part in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            total.update(part.read_bytes())
    return total.hexdigest()
