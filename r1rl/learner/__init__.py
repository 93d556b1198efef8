"""The learner: the policy, its optimizer and its reference, on one rank or several.

`Learner` is one rank, a Ray actor; the driver's side of all of them is `r1rl.learners`. One learner serves
reinforcement learning and the supervised warm-up alike: an algorithm is a value handed in. All it needs to go on after
a stop is in `save`; it draws no random numbers.
"""

from r1rl.learner.actor import Learner
from r1rl.learner.spec import Gap, LearnerSpec

__all__ = ["Gap", "Learner", "LearnerSpec"]
