"""What stands between the network and its host: link, encoder, readout, loader."""
