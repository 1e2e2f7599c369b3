"""What only a verification build has: counters and copies of streams."""
