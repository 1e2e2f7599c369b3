"""AER streams: words, router, adapters, delays."""
