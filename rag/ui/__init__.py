"""Serve the chat page: what a person sees, and the endpoints beside it."""
