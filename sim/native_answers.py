"""The bench without Python on a design with encoder and readout: as ``sim/classifier.py`` does it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qsnn_hw.support.files import write_json
from qsnn_hw.verify.answers import AnswerCase
from qsnn_hw.verify.drawn_words import as_integers
from qsnn_hw.verify.native import Bench
from qsnn_hw.verify.native_run import run_bench


def run(job: Mapping[str, Any]) -> int:
    """Run all passes of the job and leave what came; it is compared outside. Returns the exit status."""
    case = AnswerCase.load(Path(job["case"]))
    bench = Bench.of_dict(job["bench"])
    for name, parts in job["passes"].items():
        measured = []
        for first, stop in parts:
            record = run_bench(bench, case.stimulus(name, first, stop), Path(job["test_dir"]))
            measured.append(
                {
                    "first": first,
                    "stop": stop,
                    "rule": record.rule,
                    "words": as_integers(record.output),
                    "started": record.started,
                    "ended": record.ended,
                }
            )
            with open(job["progress"], "ab", buffering=0) as stream:
                stream.write(b"." * (stop - first))
        write_json(Path(job["results"][name]), measured)
    return 0
