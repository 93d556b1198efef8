"""What r1rl costs, and how that was measured."""
