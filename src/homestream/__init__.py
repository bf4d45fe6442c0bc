"""Homestream, the real-time data pipeline of the home."""
