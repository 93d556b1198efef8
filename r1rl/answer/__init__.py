"""Reading and comparing written answers: how a completion's answer is found, read and held against the gold answer.

The ground floor of the rewards: no torch, imports in milliseconds (mpmath and math-verify are loaded on first need).
extract finds the answer, surface cleans its written form, reader turns it into a tree, form says which trees are
answers at all, and compare compares two of them; gold looks after the other side. second is another, simpler judge.
"""
