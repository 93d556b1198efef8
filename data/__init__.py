"""What is trained on: one file per dataset, holding its definition or generator and never its bytes.

To add a dataset, add a file with one function:

    def source(*, seed: int, **named_options) -> ProblemSource

A recipe names it `data: {source: <file>, options: {...}}`. It makes three promises, which tests/test_data.py checks:
`problem` is a pure function of its arguments, no problem stands in both splits, and the held-out split is the same for
every seed. An option that makes no sense raises a ValueError that says which values do.
"""
