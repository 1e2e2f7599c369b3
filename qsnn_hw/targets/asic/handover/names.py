"""Names of what is handed over, below the output folder."""

HANDOVER = "handover"
"""The folder."""
