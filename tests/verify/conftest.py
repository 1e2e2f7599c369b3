"""The marker of proofs; they need a solver that not everyone has."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "formal: proofs by a solver; run with -m formal")
