"""Is the hub there at all? Its client tries for half a minute, and talks about it, before it looks into its cache."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlparse

HUB = "https://huggingface.co"


def spare_the_hub() -> None:
    """Tells the hub's client to look into its cache only, where the hub's name cannot be resolved.

    To be called before `huggingface_hub` is imported: it reads HF_HUB_OFFLINE once. Behind a proxy nothing is told: the
    proxy resolves names.
    """
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return
    try:
        socket.getaddrinfo(urlparse(os.environ.get("HF_ENDPOINT", HUB)).hostname, 443)
    except OSError:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def own_address() -> str:
    """This machine's address as others reach it; the loopback where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))  # nothing is sent: it only picks a route (RFC 5737 address)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
