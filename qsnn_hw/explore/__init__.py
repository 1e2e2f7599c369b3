"""Searching among designs: which options serve a network best."""
