"""Where the checkout lies, so that no test counts its own folders upwards."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
