"""r1rl: R1-style post-training, from a two-core laptop to a cluster, in one code path."""

__version__ = "0.1.0"
