"""Sampling traces: a policy's judged answers to many problems, kept as data to learn from."""
