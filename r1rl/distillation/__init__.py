"""Distillation: a small student learns from a teacher's traces, or from its word on what the student itself writes."""
