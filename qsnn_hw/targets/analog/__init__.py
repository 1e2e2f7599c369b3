"""A network as an analog crossbar: conductance pairs for weights, analog neurons, digital spikes between
them."""
