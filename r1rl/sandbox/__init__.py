"""Runs Python that nobody trusts: one process per run, with nothing in it worth stealing and no way out.

The judge's process (`client`, `run`) owns the tests and compares. It starts a *zygote* (`zygote`): a clean interpreter
that has locked itself away and forks one locked-down child per run. What a child needs (a program, an input, a checker)
goes from the judge straight into that child's own pipe, so no other process and no later fork ever holds it.

    judge: tests, comparer, verdict
      │ control socket: "fork one, here are its pipes" and, back, how it ended
    zygote: no environment, no files, no network, no tests
      ├── child: the candidate, which has the program and one input
      └── child: the checker of an assert-style test, which has the asserts and a nonce

rewards/README.md says what each tier promises and what none does.
"""
