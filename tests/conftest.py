"""Shared by the real tests: one Ray, one learner and one vLLM engine for all that only look at a policy."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings

from tests.recipes import BASE, write

LENGTH = 64  # tokens

# A busy machine is no failure: no test is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@dataclass
class Pair:
    """A learner and a sampler of one tiny random policy."""

    learner: object
    engine: object
    folder: Path
    prompts: list[tuple[int, ...]]
    spec: object
    gpus: float  # of each engine; one more of them has room
    version: int = field(default=0)

    def call(self, method: str, *arguments: object) -> object:
        from r1rl.actors import wait_one

        return wait_one(self.learner, self.learner.call(method, *arguments), 120, method)

    def sync(self) -> None:
        from r1rl.rollout import Rollouts

        self.version += 1
        Rollouts([self.engine], 120).sync(self.learner.call("pack", self.version))

    def sample(
        self, engine: object | None = None, temperature: float = 0.8, seed: int = 5, n: int = 2, tokens: int = 24
    ) -> list:
        from r1rl.actors import wait_one
        from r1rl.engine.spec import Sampling
        from r1rl.types import Sample

        engine = engine or self.engine
        sampling = Sampling(samples=n, temperature=temperature, max_tokens=tokens, stop_ids=(0,))
        groups = wait_one(engine, engine.call("generate", self.prompts, sampling, seed), 120, "sampling")
        return [
            Sample(
                prompt_ids_T=p,
                token_ids_T=c.token_ids_T,
                logprobs_T=c.logprobs_T,
                advantages_T=(0.0,) * len(c.token_ids_T),
            )
            for p, group in zip(self.prompts, groups, strict=True)
            for c in group
        ]

    def gap(self, engine: object | None = None, temperature: float = 0.8) -> float:
        """Mean difference of log-probs, in nats."""
        return self.call("gap", self.sample(engine), temperature).mean


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path, BASE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all runs of a file: the policy is warmed up once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    from r1rl.cluster import connected

    with connected(None):
        yield


@pytest.fixture(scope="session")
def pair(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    import random

    from r1rl import actors, chat, cluster
    from r1rl.engine.actor import Engine
    from r1rl.engine.spec import EngineSpec
    from r1rl.learner import LearnerSpec
    from tests.perturbing import PerturbingLearner

    root = tmp_path_factory.mktemp("pair")
    folder = root / "policy"
    hw = cluster.hardware("auto" if os.environ.get("R1RL_TEST_DTYPE") else "float32")
    learner_spec = LearnerSpec(
        run_id=f"test-{uuid.uuid4().hex[:8]}",
        device=hw.device,
        dtype=hw.dtype,
        transport=hw.transport(1, 2),
        threads=hw.threads,
        microbatch_tokens=8192,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=root / "learner.log",
    )
    env = {"OMP_NUM_THREADS": str(hw.threads)}
    own, each = hw.shares(1, 2)
    learner = actors.spawn(PerturbingLearner, learner_spec, name="learner", gpus=own, env=env)
    texts = [f" {i}+{j}=? <think>{i}+{j}</think><answer>{i + j}</answer>" for i in range(10, 30) for j in range(10, 30)]
    making = learner.call("make", folder, "tiny", texts, chat.pieces("")[0], LENGTH, 0)
    actors.wait_one(learner, making, 120, "make")
    actors.wait_one(learner, learner.call("load", folder), 120, "load")
    spec = EngineSpec(
        worker=0,
        model=folder,
        architecture="deepseek_v3",
        device=hw.device,
        dtype=hw.dtype,
        max_length=LENGTH,
        max_sequences=64,
        memory_gib=0.25,
        threads=hw.threads,
        log=root / "rollout-0.log",
    )
    engine = actors.spawn(Engine, spec, name="rollout worker 0", gpus=each, env={})
    actors.wait_one(engine, engine.call("start"), 300, "starting vLLM")
    vocabulary = len(chat.load_tokenizer(folder))  # type: ignore[arg-type]
    rng = random.Random(0)
    prompts = [tuple(rng.randrange(5, vocabulary) for _ in range(16)) for _ in range(16)]
    pair = Pair(learner=learner, engine=engine, folder=folder, prompts=prompts, spec=spec, gpus=each)
    pair.sync()
    yield pair
    cluster.stop([engine], "stop")
    cluster.stop([learner], "close")
