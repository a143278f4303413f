"""Serve several readers with one engine: whose turn it is, what is done in idle time, and what is counted."""
