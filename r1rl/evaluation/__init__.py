"""Evaluating a policy: what is asked, the running of it, the statistics, and reports."""
