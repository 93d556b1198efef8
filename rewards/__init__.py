"""How answers are judged: one file per kind of answer, plain functions (problem, completion) -> Verdict or float.

To add a reward, add a file with one function; a recipe names it "<file>:<function>". A judge of right and wrong returns
a Verdict, anything else a finite float. Whatever the completion says, it returns soon: it never raises and never evals.
When the *problem* is at fault (a gold answer that cannot be read), a judge says UNGRADABLE, never WRONG.

Each file stands alone, reading included, so that it can be copied to `my_reward.py` and changed as one piece;
tests/test_rewards.py holds the files to the same reading of the tags.
"""
