"""How answers are judged: one file per kind, plain functions (problem, completion, **options).

To add a reward, add a file with one function; a recipe names it "<file>:<function>". A judge of right and wrong returns
a Verdict or a Judgement, anything else a finite float. Whatever the completion says, it never raises and never evals.
When the *problem* is at fault (a gold answer that cannot be read), a judge says UNGRADABLE, never WRONG.

A file that needs to get ready, or to refuse its options, defines `prepare(**options)`, which may return a line for the
user. Where an answer stands in a text is read by r1rl.answer.extract, the same for all.
"""
