"""Where the hub cannot be there, nobody waits for it."""

from __future__ import annotations

import os
import socket

import pytest

from r1rl.network import spare_the_hub

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def alone(monkeypatch):
    def refuse(*_):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # so that it is put back after the test
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def test_a_name_that_cannot_be_resolved_leaves_the_cache_only(alone):
    spare_the_hub()
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_the_users_own_word_and_proxies_count_more(alone, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    spare_the_hub()
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    spare_the_hub()
    assert "HF_HUB_OFFLINE" not in os.environ


def test_a_hub_that_is_there_is_asked(alone, monkeypatch):
    asked = []
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub")
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: asked.append(host))
    spare_the_hub()
    assert asked == ["mirror.example"]
    assert "HF_HUB_OFFLINE" not in os.environ
