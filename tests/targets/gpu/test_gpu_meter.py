"""Energy by the processor's counters: what they say, and nothing where they say nothing."""

from pathlib import Path

import pytest

from qsnn_hw.targets.gpu import meter


def zone(folder: Path, name: str, microjoules: int) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n", encoding="ascii")
    return folder / name / "energy_uj"


@pytest.mark.parametrize(("step", "joules"), [(500_000, 0.5), (0, None), (-7, None)])
def test_counters_of_packages(
    step: int, joules: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "SECONDS", 0.0001)
    package = zone(tmp_path, "intel-rapl:0", 10**9)
    core = zone(tmp_path, "intel-rapl:0:0", 5)

    def work() -> None:
        for file, more in ((package, step), (core, 10**6)):
            file.write_text(str(int(file.read_text()) + more), encoding="ascii")
        deadline.append(0)

    deadline: list[int] = []
    found = meter.processor_energy(work, tmp_path)
    assert (None if found is None else found[0]) == (None if joules is None else pytest.approx(joules))
    assert deadline


def test_no_counters_no_energy(tmp_path: Path) -> None:
    assert meter.processor_energy(lambda: None, tmp_path) is None
