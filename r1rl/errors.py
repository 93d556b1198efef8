"""The error tree. Every error a user can meet says what is wrong, why it matters and what to do instead.

R1Error
├── UserError   the user's mistake: recipe, path, arguments            exit code 2
└── RunError    something failed while running                         exit code 1
    ├── EngineError       a vLLM engine did not start, died or overran its deadline
    ├── SyncError         weights did not arrive (names the tensor)
    └── ConsistencyError  sampler and learner disagree about the policy
"""


class R1Error(Exception):
    """Base of all errors r1rl raises on purpose.

    >>> print(UserError("recipe x.yaml has no key `polcy`", "unknown keys are typos", "write `policy`"))
    recipe x.yaml has no key `polcy`
      why:  unknown keys are typos
      do:   write `policy`
    """

    exit_code = 1

    def __init__(self, what: str, why: str, instead: str) -> None:
        super().__init__(what, why, instead)
        self.what, self.why, self.instead = what, why, instead

    def __str__(self) -> str:
        return f"{self.what}\n  why:  {self.why}\n  do:   {self.instead}"


class UserError(R1Error):
    exit_code = 2


class RunError(R1Error):
    exit_code = 1


class EngineError(RunError):
    pass


class SyncError(RunError):
    pass


class ConsistencyError(RunError):
    pass
