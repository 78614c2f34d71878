#!/usr/bin/env python3
"""Accepting connections when descriptors have run out, and when one worker holds much more than the other."""
import http.client
import json
import os
import re
import resource
import socket
import sys
import time

import harness
from harness import ADMIN_TOKEN, CLIENT_KEY, Case, chat, until

WORKERS = 2
PAUSES_A_SECOND = 10  # accept_pause in server/worker.cpp


class Client:
    """A keep-alive connection that asks whenever it is told to."""

    def __init__(self, address, **headers):
        self.headers = headers
        self.http = http.client.HTTPConnection(address, timeout=20)
        self.http.connect()

    def ask(self, method, path, body=None):
        self.http.request(method, path, json.dumps(body) if body else None,
                          {"content-type": "application/json", **self.headers})
        answer = self.http.getresponse()
        return answer.status, answer.read().decode()

    def chat(self):
        return self.ask("POST", "/v1/chat/completions", chat())[0]

    def metric(self, name, **labels):
        status, text = self.ask("GET", "/metrics")
        assert status == 200, text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if re.match(name + r"[{ ]", line) and all(f'{key}="{value}"' in line for key, value in labels.items()))

    def close(self):
        self.http.close()


def client(server):
    return Client(server.address, authorization=f"Bearer {CLIENT_KEY}")


def admin(server):
    return Client(server.admin_address, authorization=f"Bearer {ADMIN_TOKEN}")


def cpu_seconds(program):
    with open(f"/proc/{program.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class WithoutDescriptors(Case):
    def test_without_descriptors_accepting_waits_and_goes_on_when_there_are_some(self):
        server = self.gateway([("stable", self.simulator().url + "/v1", 1)])
        watcher, old = admin(server), client(server)
        for _ in range(3):  # both are accepted, and there is a connection to the provider
            self.assertEqual(old.chat(), 200)
        self.assertEqual(watcher.metric("sluice_accept_errors_total"), 0)
        limit = server.open_files() + 20
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, hard))

        crowd = [socket.create_connection((server.host, server.port), timeout=20) for _ in range(100)]
        waiting = socket.create_connection(tuple(server.admin_address.split(":")), timeout=20)
        self.assertTrue(until(lambda: watcher.metric("sluice_accept_errors_total") > 0))
        begin = time.monotonic()
        errors, used = watcher.metric("sluice_accept_errors_total"), cpu_seconds(server)
        until(lambda: False, 3 / harness.SLOW, 0.25)
        self.assertEqual(old.chat(), 200)  # who is connected is served
        errors = watcher.metric("sluice_accept_errors_total") - errors
        used, took = cpu_seconds(server) - used, time.monotonic() - begin
        print(f"\n    without descriptors: {errors:.0f} failed accepts and {used:.2f} s of CPU in {took:.1f} s")
        # One per pause and worker, each of 100 ms, and rounding: it does not spin.
        self.assertLessEqual(errors, WORKERS * (PAUSES_A_SECOND * took + 2))
        self.assertGreater(errors, 0)
        self.assertLess(used, 0.1 * took * harness.SLOW)
        self.assertLessEqual(server.open_files(), limit)

        waiting.close()
        for one in crowd:
            one.close()
        late = client(server)
        self.assertEqual(late.chat(), 200)
        self.assertEqual(old.chat(), 200)
        self.assertEqual(admin(server).ask("GET", "/readyz")[0], 200)
        self.assertTrue(until(lambda: watcher.metric("sluice_client_connections") == 2))
        self.assertEqual(server.stop(), 0)


class HandOver(Case):
    def test_a_worker_that_holds_much_more_than_another_hands_new_connections_over(self):
        server = self.gateway([("stable", self.simulator().url + "/v1", 1)])
        watcher = admin(server)

        def held(worker):
            return watcher.metric("sluice_client_connections", worker=worker)

        def ticks():
            return [watcher.metric("sluice_event_loop_lag_seconds_count", worker=worker) for worker in range(WORKERS)]

        # Which worker has it shows in the gauges; when the first one holds 30, the second one loses all of its own.
        mine, others = [], []
        while len(mine) < 30:
            one = client(server)
            opened = len(mine) + len(others) + 1
            self.assertTrue(until(lambda: held(0) + held(1) == opened))
            (mine if held(0) > len(mine) else others).append(one)
        for one in others:
            one.close()
        self.assertTrue(until(lambda: (held(0), held(1)) == (30, 0)))
        # A worker tells the other one with each tick; one that was under way told of before.
        begun = ticks()
        self.assertTrue(until(lambda: all(now >= then + 2 for now, then in zip(ticks(), begun))))
        handed = watcher.metric("sluice_handed_over_connections_total")
        # Half of these reach the first worker; with 16 the difference is still too much for it.
        for count in range(1, 17):
            mine.append(client(server))
            self.assertEqual(mine[-1].chat(), 200)
            self.assertTrue(until(lambda: held(0) + held(1) == 30 + count))
        self.assertEqual((held(0), held(1)), (30, 16))
        self.assertGreater(watcher.metric("sluice_handed_over_connections_total"), handed)
        for one in mine:
            self.assertEqual(one.chat(), 200)
            one.close()
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
