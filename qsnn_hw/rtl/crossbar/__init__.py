"""The network as a digital crossbar: tiles of synapse arrays with their columns of neurons."""
