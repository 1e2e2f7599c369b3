"""Batches of samples through PyTorch: the integers of the golden model, on a CPU or a GPU, to the bit.

Needs the extra ``torch``; only ``device.py`` may be imported without it.
"""
