"""Whole runs that lose a worker, are interrupted, share work or join a cluster: one clear error, and no orphans."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.processes import rows, train

pytestmark = pytest.mark.slow


def test_a_dead_worker_ends_the_run_with_one_clear_error(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=400")
    run.until("step 1/400")
    engine = next(p for p in run.family() if "Engine" in " ".join(p.cmdline()) and "ray::" in " ".join(p.cmdline()))
    engine.kill()
    code, output = run.finish(120)
    assert code == 1, output
    assert "rollout worker 0 died" in output
    assert "Traceback" not in output
    run.assert_no_orphans()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_no_process_and_says_how_to_go_on(home, tmp_path, asked):
    run = train(home, tmp_path / "run", "train.steps=400")
    run.until("step 1/400")
    os.kill(run.process.pid, asked)
    code, output = run.finish(120)
    assert code == 130, output
    assert "--resume" in output
    assert "Traceback" not in output
    assert asked.name not in output
    run.assert_no_orphans()


def test_two_workers_share_the_work_and_both_get_every_version(home, tmp_path):
    folder = tmp_path / "run"
    settings = ("algorithm.sampling_rounds=1", "rollout.workers=2", "rollout.memory_gib=0.5")
    run = train(home, folder, "train.steps=2", *settings)
    code, output = run.finish()
    assert code == 0, output
    assert all((folder / "logs" / f"rollout-{worker}.log").stat().st_size for worker in (0, 1))
    for step in (1, 2):
        answers = [json.loads(x) for x in (folder / "rollouts" / f"step-00000{step}.jsonl").read_text().splitlines()]
        assert len(answers) == 16
        assert len({a["problem"] for a in answers}) == 4
        assert {a["version"] for a in answers} == {step - 1}
    assert all(row["learner/gap/mean"] < 1e-4 for row in rows(folder)[1:])
    run.assert_no_orphans()


def test_a_cluster_that_is_not_there_is_the_users_error(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=4", "ray.address=127.0.0.1:1")
    code, output = run.finish(120)
    assert code == 2, output
    assert "no Ray cluster at 127.0.0.1:1" in output
    assert "Traceback" not in output
    run.assert_no_orphans()


def test_a_cluster_that_is_there_is_joined_and_left_running(home, tmp_path):
    """Of two nodes, between which weights are broadcast: they may share no memory."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 256 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        run = train(home, tmp_path / "run", "train.steps=1", f"ray.address={cluster.address}")
        code, output = run.finish()
        assert code == 0, output
        assert "weights through gloo" in output
        assert (tmp_path / "run" / "result.json").is_file()
        assert all(row["learner/gap/mean"] < 1e-4 for row in rows(tmp_path / "run")[1:])
        assert all(node.any_processes_alive() for node in cluster.list_all_nodes())
        run.assert_no_orphans()
    finally:
        cluster.shutdown()


def test_an_engine_that_is_late_is_named(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=4", "rollout.start_deadline_s=1")
    code, output = run.finish(120)
    assert code == 1, output
    assert "rollout worker 0 did not finish starting vLLM within 1 s" in output
    assert "rollout-0.log" in output
    run.assert_no_orphans()
