"""Which hardware serves a network best: shapes, buffers, where everything lies."""
