#!/usr/bin/env python3
"""How the gateway ends: gently when asked, and with nothing acknowledged lost when not."""
import asyncio
import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import Case, Gateway, Load, Mock, Program, chat, data_events, exchange, request_bytes, until


def refused(server):
    """Nobody listens on the data port any more."""
    try:
        harness.fetch(server.url + "/healthz", timeout=2)
        return False
    except OSError:
        return True


def stands_still(pid):
    """Every thread: one that still ran would accept, and whom it accepted would be idle."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0]
              for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return set(states) == {"T"}


def answered(clients):
    return select.select(clients, [], [], 0)[0]


class Stopped:
    """One thread of a process stands still, as on a processor that others hold, while the rest goes on."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, thread):
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)

    def request(self, number):
        if self.libc.ptrace(number, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace({number:#x}, {self.thread})")

    def __enter__(self):
        self.request(self.SEIZE)
        self.request(self.INTERRUPT)
        os.waitpid(self.thread, 0x40000000)  # __WALL
        return self

    def __exit__(self, *_):
        self.request(self.DETACH)


class Drain(Case):
    def test_sigterm_lets_1000_open_streams_finish(self):
        # Ten seconds each: all of them are open at once, also where it takes seconds to open them.
        mock = self.started(Mock("--events", "100", "--rate", "10"))
        server = self.gateway([("stable", mock.url + "/v1", 1)])
        load = self.started(Load("sse", server, "--streams", 1000, "--ramp-ms", 1500, "--expect-events", 100))
        self.assertTrue(until(lambda: server.total("sluice_open_streams") == 1000))
        server.signal(signal.SIGTERM)
        # While the streams go on, which is for some seconds.
        self.assertTrue(until(lambda: server.admin("/readyz")[0] == 503, 3), "still ready")
        self.assertTrue(until(lambda: refused(server), 3), "still listening")
        report = load.report()
        print(f"\n    {report}")
        self.assertEqual((report["completed"], report["truncated"], report["failures"]["total"]), (1000, 0, 0))
        self.assertEqual(server.wait(35), 0)

    def test_who_connected_while_the_gateway_stood_still_is_not_idle_yet(self):
        provider = self.simulator()
        server = self.gateway([("stable", provider.url + "/v1", 1)])
        # The clients connect, and the end is asked for, while no worker runs for longer than an
        # idle connection is left open; their requests come just after.
        server.signal(signal.SIGSTOP)
        self.assertTrue(until(lambda: stands_still(server.process.pid)))
        clients = [self.connected(server) for _ in range(32)]
        time.sleep(3)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        time.sleep(0.5)
        answers = []
        for client in clients:
            client.sendall(request_bytes("/v1/chat/completions", chat()))
            answers.append(client.recv(12))
        self.assertEqual(answers, [b"HTTP/1.1 200"] * len(clients))
        self.assertEqual(server.wait(), 0)

    def test_a_worker_that_ended_first_gets_no_connection_of_one_that_was_late(self):
        provider = self.simulator()
        server = self.gateway([("stable", provider.url + "/v1", 1)])
        threads = pathlib.Path(f"/proc/{server.process.pid}/task")
        early, late = sorted(int(each.name) for each in threads.iterdir())[-2:]
        with Stopped(late):
            clients = [self.connected(server) for _ in range(96)]
            for client in clients:
                client.sendall(request_bytes("/v1/chat/completions", chat()))
            self.assertTrue(until(lambda: len(answered(clients)) >= 8), "nobody serves")
            server.signal(signal.SIGTERM)
            self.assertTrue(until(lambda: not (threads / str(early)).exists()), "the worker that runs does not end")
            # So many wait that the one that is left would give of them.
            self.assertLess(len(answered(clients)), 64)
        self.assertTrue(until(lambda: len(answered(clients)) == len(clients)), "clients without any word")
        self.assertEqual([client.recv(12) for client in clients], [b"HTTP/1.1 200"] * len(clients))
        self.assertEqual(server.wait(), 0)

    def connected(self, server):
        client = socket.create_connection((server.host, server.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def long_stream(self, **timeouts):
        """(gateway, answer of a stream that outlives the drain, seconds from SIGTERM to its end)"""
        mock = self.started(Mock("--events", "10000", "--rate", "50"))
        server = self.gateway([("stable", mock.url + "/v1", 1)], timeouts=timeouts)
        begin = 0

        async def run(signals):
            nonlocal begin
            sent = 0

            def on_piece(answer):
                nonlocal sent, begin
                # The next one when the one before has been taken: two that wait are one.
                if len(answer.times) >= 10 and sent < len(signals) and server.output().count('"draining"') == sent:
                    begin = begin or time.monotonic()
                    server.signal(signals[sent])
                    sent += 1
            return await exchange(server.address, request_bytes("/v1/chat/completions", chat(stream=True)),
                                  on_piece)
        return server, lambda signals: (asyncio.run(run(signals)), time.monotonic() - begin)

    def assert_ended_honestly(self, answer):
        self.assertFalse(answer.complete, "a cut stream ended as if it were whole")
        last = data_events(answer.body)[-1]
        self.assertEqual(json.loads(last)["error"]["code"], "draining", last)

    def test_what_outlives_the_drain_gets_an_error_event(self):
        server, run = self.long_stream(drain="1s")
        answer, took = run([signal.SIGTERM])
        self.assert_ended_honestly(answer)
        self.assertGreater(took, 0.9)
        # The stream would take minutes, and the drain's default is half of one.
        self.assertLess(took, 10 * harness.SLOW)
        self.assertEqual(server.wait(), 0)

    def test_ctl_tells_by_its_exit_code_whether_the_gateway_is_ready_and_wants_no_token(self):
        provider = self.simulator("--behaviour", "tps-20+tokens-10000")
        server = self.gateway([("stable", provider.url + "/v1", 1)])
        self.assertEqual(self.ready(server), (0, "ready\n", ""))
        # It drains for as long as this client stays.
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(request_bytes("/v1/chat/completions", chat(stream=True)))
            self.assertTrue(until(lambda: server.total("sluice_open_streams") == 1))
            server.signal(signal.SIGTERM)
            self.assertTrue(until(lambda: server.admin("/readyz")[0] == 503))
            self.assertEqual(self.ready(server), (1, "", "sluice ctl: not ready: draining\n"))
        self.assertEqual(server.wait(), 0)
        code, said, error = self.ready(server)
        self.assertEqual((code, said), (1, ""))
        self.assertIn("cannot reach", error)

    @staticmethod
    def ready(server):
        """Exit code, output and complaint of `sluice ctl ready`."""
        done = subprocess.run([harness.BINARY, "ctl", "--admin", f"http://{server.admin_address}", "ready"],
                              capture_output=True, text=True, env={})
        return done.returncode, done.stdout, done.stderr

    def test_a_second_signal_insists(self):
        server, run = self.long_stream(drain="30s")
        answer, took = run([signal.SIGTERM, signal.SIGTERM])
        self.assert_ended_honestly(answer)
        self.assertLess(took, 10 * harness.SLOW)
        server.wait()


class Demo(Case):
    def demo(self, *words):
        started = self.started(Program(*words, harness.BINARY, "demo", "--port", "0", "--admin-port", "0", "--rate", "0"))
        started.wait_for("Ctrl-C ends it")
        started.signal(signal.SIGHUP)
        return started

    def test_it_ends_with_its_terminal_unless_nohup_asks_it_not_to(self):
        stays = self.demo("nohup")
        self.assertEqual(self.demo().wait(), 0)
        self.assertIsNone(stays.process.poll())
        self.assertEqual(stays.stop(), 0)


class Kill(Case):
    def share(self, server):
        stable = server.total("sluice_target_weight", model="m", target="stable")
        canary = server.total("sluice_target_weight", model="m", target="canary")
        return 100 * canary / (stable + canary)

    def test_an_acknowledged_change_survives_kill_9(self):
        upstreams = [("stable", "http://127.0.0.1:9/v1", 95), ("canary", "http://127.0.0.1:9/v1", 5)]
        server = self.gateway(upstreams)
        self.assertAlmostEqual(self.share(server), 5)
        versions = [server.total("sluice_config_version")]
        for percent in (12.5, 50, 99.5, 0, 37.5):
            server.canary("m", percent)
            server.kill()  # at once
            begin = time.monotonic()
            server = self.started(Gateway(server.settings, self.directory))
            print(f"\n    serving again {1000 * (time.monotonic() - begin):.0f} ms after the start")
            self.assertAlmostEqual(self.share(server), percent)
            versions.append(server.total("sluice_config_version"))
        self.assertEqual(versions, sorted(set(versions)), "a version was given twice")
        status, _, audit = server.admin("/admin/v1/audit")
        self.assertEqual(status, 200)
        self.assertGreaterEqual(json.dumps(audit).count("canary"), 5)
        self.assertEqual(server.stop(), 0)

    def test_weights_set_by_ctl_survive_kill_9_and_ctl_tells_where_a_request_would_go(self):
        upstreams = [("stable", "http://127.0.0.1:9/v1", 95), ("canary", "http://127.0.0.1:9/v1", 5)]
        server = self.gateway(upstreams)
        server.ctl("weights", "m", "stable=1", "canary=3")
        server.kill()
        server = self.started(Gateway(server.settings, self.directory))
        self.assertAlmostEqual(self.share(server), 75)
        self.assertRegex(server.ctl("models"), r"canary \(canary\) +canary +3 +75% +live")
        asked = self.directory / "request.json"
        asked.write_text(json.dumps(chat()))
        told = server.ctl("explain", "-f", str(asked))
        self.assertRegex(told, r"^forward\n")
        self.assertRegex(told, r"\ncanary +75% +canary +http://127\.0\.0\.1:9/v1/chat/completions\n")
        server.write_config({**server.settings, "heartbeat": "11s"})
        self.assertRegex(server.ctl("reload"), r"heartbeat\b.*15s.*11s")
        server.write_config({**server.settings, "heartbeat": "never"})
        self.assertIn("heartbeat: ", server.ctl("reload", code=2))
        self.assertRegex(server.ctl("config"), r'"heartbeat": "11s"')
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    sys.exit(harness.main())
