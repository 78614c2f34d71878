#!/usr/bin/env python3
"""Four gateways that share one budget through a real redis-server, and what its failures do to them."""
import pathlib
import shutil
import signal
import socket
import sys
import threading

import harness
from harness import Case, free_port, until
from money import Provider, ask_all, priced, spend

GATEWAYS = 4
AFFORDED, BUDGET = 100, "1 USD"
# What redis' failures come to is seen better where more is at stake.
AFFORDED_LONG, BUDGET_LONG = 500, "5 USD"
SERVER = shutil.which("redis-server")


class Redis(harness.Program):
    def __init__(self, directory, port=None):
        self.directory = pathlib.Path(directory)
        self.port = free_port() if port is None else port
        # It ends with this process, also when that crashes.
        super().__init__("setpriv", "--pdeathsig", "KILL", SERVER, "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                         "--dir", self.directory)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.wait_for("Ready to accept connections")

    def flush(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(b"FLUSHALL\r\n")
            return link.recv(64).startswith(b"+OK")


class Fleet(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = Provider()
        cls.stack.callback(cls.provider.stop)

    def start(self, name, redis, budget, timeout):
        """`timeout` is what Redis is away after; a busy machine makes it late where nothing fails."""
        servers = []
        for number in range(GATEWAYS):
            directory = self.directory / f"{name}-{number}"
            directory.mkdir()
            settings = priced(directory, self.provider)
            settings["state"].update(redis=redis.url, redis_timeout=timeout)
            settings["keys"][0]["budget"] = {"daily": budget}
            servers.append(self.started(harness.Gateway(settings, directory)))
        for server in servers:
            self.assertTrue(until(lambda: server.total("sluice_store_up") == 1), "not connected to redis")
        return servers

    def stop(self, servers):
        self.assertEqual([server.stop() for server in servers], [0] * len(servers))

    def test_1_a_thousand_at_once_get_no_more_than_the_budget_and_nearly_all_of_it(self):
        redis = self.started(Redis(self.directory))
        servers = self.start("share", redis, BUDGET, "5s")
        before = self.provider.calls
        ask_all([server.address for server in servers], 1000)
        self.assertLessEqual(self.provider.calls - before, AFFORDED)
        enough = AFFORDED * 97 // 100

        def spent():
            spend([server.address for server in servers])
            return self.provider.calls - before >= enough
        # What one gateway holds and does not need comes back to the others.
        until(spent, 30, 1)
        calls = self.provider.calls - before
        print(f"\n    {calls} of {AFFORDED} afforded calls by {GATEWAYS} gateways")
        self.assertLessEqual(calls, AFFORDED)
        self.assertGreaterEqual(calls, enough)
        self.stop(servers)

    def test_2_no_failure_of_redis_is_a_failure_of_a_request_nor_a_budget_without_end(self):
        redis = self.started(Redis(self.directory))
        servers = self.start("faults", redis, BUDGET_LONG, "500ms")
        addresses = [server.address for server in servers]
        before, ended, wrong = self.provider.calls, threading.Event(), []

        def load():
            while not ended.is_set():
                wrong.extend(answer for answer in ask_all(addresses, 8)
                             if answer.status != 200 and b"insufficient_quota" not in bytes(answer.body)
                             and b"rate_limit_exceeded" not in bytes(answer.body))

        asking = threading.Thread(target=load)
        asking.start()
        try:
            until(lambda: self.provider.calls - before > 20)
            redis.signal(signal.SIGSTOP)
            until(lambda: False, 1)
            redis.signal(signal.SIGCONT)
            until(lambda: False, 1)
            self.assertTrue(redis.flush())
            until(lambda: False, 1)
            redis.kill()
            self.assertTrue(until(lambda: all(s.total("sluice_store_up") == 0 for s in servers)))
            redis = self.started(Redis(self.directory, redis.port))
            self.assertTrue(until(lambda: all(s.total("sluice_store_up") == 1 for s in servers), 30))
            until(lambda: False, 2)
        finally:
            ended.set()
            asking.join()
        self.assertEqual([(answer.status, bytes(answer.body)[:300]) for answer in wrong[:3]], [])
        for _ in range(3):
            spend(addresses, 2000)
        calls = self.provider.calls - before
        print(f"\n    {calls} of {AFFORDED_LONG} afforded calls over a stop, a flush, a kill and a restart of redis")
        # Two outages of a budget that is spent in seconds: in each, half of what was granted since a gateway last heard.
        self.assertLessEqual(calls, AFFORDED_LONG * 6 // 5)
        self.stop(servers)


if SERVER is None:
    harness.skip_all("redis-server is not installed")
if __name__ == "__main__":
    sys.exit(harness.main())
