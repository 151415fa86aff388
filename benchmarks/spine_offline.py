"""Does a build reach for the network? Counted, not only refused.

The build runs in a network namespace of its own that has only loopback, where every address of the world is routed to
loopback too (AnyIP), so that an attempt becomes a packet instead of a silent error. A raw socket counts the packets
whose destination is not loopback. Needs Linux, root (or user namespaces) and iproute2.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.corpus import small_part
from benchmarks.report import Figure, publish

CLONE_NEWNET = 0x40000000
ETH_P_IP, ETH_P_IPV6, ETH_P_ALL = 0x0800, 0x86DD, 0x0003
INGOT = str(Path(sys.executable).with_name("ingot"))
SHAPE = ["--width", "64", "--layers", "2", "--vocabulary", "512", "--steps", "30"]


class Sniffer:
    """Counts packets on loopback that were meant for other machines."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._is_running = True
        self.destinations: list[str] = []
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def stop(self) -> list[str]:
        """End counting and return the destinations seen."""
        self._is_running = False
        self._thread.join()
        return self.destinations

    def _count(self) -> None:
        while self._is_running:
            try:
                packet, (_, protocol, *_) = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            destination = destination_of(packet, protocol)
            if destination is not None:
                self.destinations.append(destination)


def destination_of(packet: bytes, protocol: int) -> str | None:
    """Return where an IP packet was going, or None when that is this machine."""
    if protocol == ETH_P_IP and packet[16] != 127:
        return socket.inet_ntop(socket.AF_INET, packet[16:20])
    if protocol == ETH_P_IPV6 and packet[24:40] != b"\0" * 15 + b"\1" and not packet[24:].startswith(b"\xff"):
        return socket.inet_ntop(socket.AF_INET6, packet[24:40])
    return None


def enter_namespace() -> None:
    """Leave the network for a namespace in which every address is this machine."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        sys.exit(f"no network namespace: {os.strerror(ctypes.get_errno())}; run as root")
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ):
        subprocess.run(command.split(), check=True)


def is_counted(sniffer: Sniffer) -> bool:
    """Prove that an attempt is seen: send one packet to an address of the documentation range."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"x", ("192.0.2.1", 53))
    threading.Event().wait(1.0)
    is_seen = "192.0.2.1" in sniffer.destinations
    sniffer.destinations.clear()
    return is_seen


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="the same: the build takes seconds")
    arguments.parse_args()
    enter_namespace()
    sniffer = Sniffer()
    is_proved = is_counted(sniffer)
    with tempfile.TemporaryDirectory() as home:
        build = [INGOT, "build", *small_part(), "--name", "offline", "--home", home, *SHAPE]
        chat = [INGOT, "chat", "offline", "--home", home, "--prompt", "def ", "--max-tokens", "5"]
        codes = [subprocess.run(command, stdout=subprocess.DEVNULL).returncode for command in (build, chat)]
    attempts = sniffer.stop()
    figures = [
        Figure("network attempts of build and chat", len(attempts), "packets", "0", not attempts and codes == [0, 0]),
        Figure("the counter sees an attempt (control)", float(is_proved), "0 or 1", "1", is_proved),
    ]
    publish("spine_offline", figures, {"destinations": sorted(set(attempts)), "exit_codes": codes})


if __name__ == "__main__":
    main()
