"""Talking to a board: the words of the link."""
