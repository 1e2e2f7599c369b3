"""A neuron group: walkers, accumulators, update sweep."""
