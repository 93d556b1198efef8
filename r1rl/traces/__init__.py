"""Traces: judged answers kept as data to learn from."""
