"""Everything a run knows, put into the report's records and written."""

from qsnn_hw.build.report_maker.maker import PAGE, REPORT, TRACES, make_report

__all__ = ["PAGE", "REPORT", "TRACES", "make_report"]
