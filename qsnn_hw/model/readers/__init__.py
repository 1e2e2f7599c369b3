"""From files and live modules to a :class:`~qsnn_hw.model.network.Network`."""
