"""Where a network goes; each target has its own package."""
