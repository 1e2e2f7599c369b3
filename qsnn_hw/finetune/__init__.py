"""Quantization-aware fine-tuning: training through the golden model's own integer arithmetic.

Needs torch, which is an extra. Only the modules that compute with it import it, so everything here
can be imported without; :func:`qsnn_hw.finetune.training.finetune` then says what to install.
"""
