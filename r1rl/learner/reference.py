"""The policy that the KL pulls towards: a copy of the policy at some update, or the policy without its adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from r1rl.learner.trainee import Trainee
from r1rl.policy import lora
from r1rl.policy.scorer import Scorer


class Reference:
    """Nothing until the first refresh."""

    def __init__(self, trainee: Trainee, load: Callable[[], Scorer]) -> None:
        self._trainee, self._load = trainee, load
        self.copy: Scorer | None = None

    def refresh(self, every: int, updates: int) -> None:
        """Takes the policy as it is now, if there is no reference yet or `every` so many updates."""
        if self._trainee.adapters is None and (self.copy is None or (every and updates % every == 0)):
            self.begin().model.load_state_dict(self._trainee.model.state_dict())

    def begin(self) -> Scorer:
        """A copy to put weights into."""
        if self.copy is None:
            self.copy = self._load()
        return self.copy

    @contextmanager
    def scorer(self) -> Iterator[Scorer]:
        """The reference, to be asked for log-probs."""
        if self._trainee.adapters is None:
            yield self.begin()
        else:
            with lora.off(self._trainee.model):
                yield self._trainee.scorer
