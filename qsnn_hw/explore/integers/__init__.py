"""Which integers serve a network best: calibration, narrowest widths, what rounding costs."""
