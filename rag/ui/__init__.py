"""Serve the chat page for people, and its endpoints for programs."""
