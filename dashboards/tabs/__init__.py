"""The parts of the report page, one a file; each has ``show(report, run)``."""
