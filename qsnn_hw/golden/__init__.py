"""The integer specification in NumPy: clocked and event-driven, equal to the last bit."""

from qsnn_hw.golden.clocked import GoldenRun, output_of, run_clocked
from qsnn_hw.golden.event_driven import process_spikes_event_driven, run_event_driven

__all__ = ["GoldenRun", "output_of", "process_spikes_event_driven", "run_clocked", "run_event_driven"]
