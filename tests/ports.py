"""Ports on loopback for programs that cannot be told to take any."""
import pathlib
import random
import socket

_given = set()


def _candidate():
    """Below what the system gives to whoever connects: nobody takes it before the program does."""
    above = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return random.randrange(10240, above) if above > 12000 else 0


def free_port():
    """No process has it, and it is never the same twice."""
    for _ in range(1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _candidate()))
            except OSError:
                continue
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
    raise OSError("no free port on loopback")


def free_ports(count):
    return [free_port() for _ in range(count)]
