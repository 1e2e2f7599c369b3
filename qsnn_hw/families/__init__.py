"""What a device is and what a board adds to it: limits, cells, pins."""
