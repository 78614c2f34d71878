#!/usr/bin/env python3
"""SIGUSR2: what goes over to another process, who is told, and what is there again after a kill."""
import asyncio
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
import time

import harness
from harness import (
    CLIENT_KEY, PATIENT, Case, Program, chat, data_events, exchange, fetch, free_ports, gateway_settings,
    request_bytes, sha256, until)
from served import Served, kept
from upstream import ScriptedUpstream

# A dollar a token.
PRICE = {"input": 1000000, "output": 1000000}


class State(Case):
    """What goes over, with the gateway as its users have it: keys, limits, budgets, a change made by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.simulator()

    def served(self, name, **changes):
        directory = self.directory / name
        settings = gateway_settings(
            directory, [("stable", self.provider.url + "/v1", 95), ("canary", self.provider.url + "/v1", 5)])
        settings["models"]["priced"] = {"targets": [{"name": "only", "provider": "stable"}], "price": PRICE}
        settings["keys"] += [
            {"id": "slow", "hash": sha256("sk-slow"), "models": ["*"], "limits": {"requests": "1/h", "burst": 5}},
            {"id": "poor", "hash": sha256("sk-poor"), "models": ["*"], "budget": {"daily": "1000 USD"},
             "limits": PATIENT}]
        settings.update(changes)
        return kept(self, Served(directory, settings))

    def ask(self, gateway, key=CLIENT_KEY, **what):
        return fetch(gateway.url + "/v1/chat/completions", "POST", chat(**what),
                     {"authorization": f"Bearer {key}"})

    def spent(self, gateway):
        return gateway.total("sluice_budget_spent_usd", budget="key:poor:daily")

    def test_a_limit_a_breaker_and_a_budget_go_on_where_they_were(self):
        gateway = self.served("state")
        for _ in range(3):
            self.assertEqual(self.ask(gateway, "sk-slow")[0], 200)
        status, _, body = gateway.admin("/admin/v1/models/m/targets/canary/breaker", "PUT", {"state": "open"})
        self.assertEqual(status, 200, body)
        gateway.canary("m", 40)
        status, _, created = gateway.admin("/admin/v1/keys", "POST", {"id": "made", "models": ["*"]})
        self.assertEqual(status, 200, created)
        cost = 0
        for _ in range(5):
            status, headers, _ = self.ask(gateway, "sk-poor", model="priced", max_tokens=8)
            self.assertEqual(status, 200)
            cost += float(headers["x-sluice-cost"])
        self.assertTrue(until(lambda: abs(self.spent(gateway) - cost) < 1e-6), (self.spent(gateway), cost))
        versions = [gateway.total("sluice_config_version")]
        for _ in range(2):
            gateway.upgrade()
            self.assertAlmostEqual(self.share(gateway), 40)
            versions.append(gateway.total("sluice_config_version"))
            status, _, model = gateway.admin("/admin/v1/models/m")
            self.assertIn('"open"', json.dumps(model), model)
            self.assertEqual(self.ask(gateway, created["secret"])[0], 200)
        self.assertTrue(until(lambda: all(gateway.gone(pid) for pid in gateway.pids[:-1]), 20))
        self.assertTrue(until(lambda: abs(self.spent(gateway) - cost) < 1e-6), (self.spent(gateway), cost))
        self.assertEqual(versions, sorted(set(versions)))
        self.assertEqual([self.ask(gateway, "sk-slow")[0] for _ in range(3)], [200, 200, 429])
        # Spent to the last request that fits, and no further.
        cheap, asked = cost / 5, 0
        while self.ask(gateway, "sk-poor", model="priced", max_tokens=8)[0] == 200 and asked < 1000:
            asked += 1
        self.assertLessEqual(cost + asked * cheap, 1000)
        self.assertGreater(cost + (asked + 40) * cheap, 1000, "some of the budget is lost")
        self.assertEqual(gateway.end(), 0)

    def share(self, gateway):
        stable = gateway.total("sluice_target_weight", model="m", target="stable")
        canary = gateway.total("sluice_target_weight", model="m", target="canary")
        return 100 * canary / (stable + canary)

    def refused_upgrade(self, gateway, text, why):
        failures = gateway.total("sluice_upgrade_failures_total")
        good = gateway.directory / "good"
        shutil.copy2(gateway.binary, good)
        gateway.place(text=text)
        os.kill(gateway.pid, signal.SIGUSR2)
        self.assertTrue(until(
            lambda: gateway.total("sluice_upgrade_failures_total") == failures + 1, 40), gateway.output())
        gateway.wait_for(why)
        self.assertEqual(self.ask(gateway)[0], 200)
        gateway.canary("m", 50)
        gateway.place(source=good)

    def test_a_program_that_does_not_take_over_leaves_the_old_one_serving(self):
        gateway = self.served("broken")
        self.refused_upgrade(gateway, "#!/bin/sh\nexit 3\n", "it ended with code 3")
        self.refused_upgrade(gateway, "this is no program\n", "could not be started")
        # Told what it wants, and then nothing: it is given half a minute. Meanwhile others are refused.
        hanging = (f"#!{sys.executable}\nimport os, time\n"
                   "os.write(int(os.environ['SLUICE_HANDOVER']), b'\\x0d\\0\\0\\0\\0' + b'{\"version\":1}')\n"
                   "time.sleep(100)\n")
        good = gateway.directory / "good"
        gateway.place(text=hanging)
        begun = time.monotonic()
        os.kill(gateway.pid, signal.SIGUSR2)
        self.assertTrue(until(lambda: gateway.admin("/admin/v1/models/m/canary", "PUT", {"percent": 30})[0] == 503))
        os.kill(gateway.pid, signal.SIGUSR2)
        gateway.wait_for("an upgrade is under way already")
        asked = 0
        while gateway.total("sluice_upgrade_failures_total") < 3 and time.monotonic() < begun + 60:
            self.assertEqual(self.ask(gateway)[0], 200)
            asked += 1
        self.assertGreater(time.monotonic() - begun, 25)
        self.assertGreater(asked, 100)
        gateway.place(source=good)
        gateway.canary("m", 30)
        gateway.upgrade()
        self.assertAlmostEqual(self.share(gateway), 30)
        until(lambda: gateway.admin("/admin/v1/usage?by=key")[2]["total"]["requests"] >= asked + 2)
        self.assertEqual(gateway.admin("/admin/v1/usage?by=key")[2]["total"]["requests"], asked + 2)
        self.assertEqual(gateway.end(), 0)

    def test_what_is_in_force_and_on_no_disk_is_written_before_another_process_begins(self):
        gateway = self.served("unwritten")
        full = gateway.directory / "state/keys.json.next"
        full.mkdir()
        self.assertEqual(gateway.admin("/admin/v1/keys/slow", "DELETE")[0], 200)
        os.kill(gateway.pid, signal.SIGUSR2)
        gateway.wait_for("what is in force cannot be written before")
        self.assertEqual(self.ask(gateway, "sk-slow")[0], 401)
        full.rmdir()
        gateway.upgrade()
        self.assertEqual(self.ask(gateway, "sk-slow")[0], 401)
        self.assertEqual(gateway.end(), 0)

    def test_a_configuration_that_does_not_hold_leaves_the_old_one_serving(self):
        gateway = self.served("unreadable")
        settings = gateway.settings
        gateway.write_config({**settings, "workers": -1})
        os.kill(gateway.pid, signal.SIGUSR2)
        gateway.wait_for("upgrade_failed")
        self.assertEqual(self.ask(gateway)[0], 200)
        # An address that somebody else has: found out after the lock has changed hands.
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        gateway.write_config({**settings, "listen": settings["listen"] + [
            {"address": f"127.0.0.1:{taken.getsockname()[1]}"}]})
        os.kill(gateway.pid, signal.SIGUSR2)
        self.assertTrue(until(lambda: gateway.total("sluice_upgrade_failures_total") == 2), gateway.output())
        gateway.wait_for("cannot listen on")
        taken.close()
        # One more worker and one more address: both as it says.
        gateway.write_config({**settings, "workers": 3, "listen": settings["listen"] + [{"address": "127.0.0.1:0"}]})
        gateway.upgrade()
        for _ in range(30):
            self.assertEqual(self.ask(gateway)[0], 200)
        gateway.write_config({**settings, "workers": 1})
        gateway.upgrade()
        for _ in range(30):
            self.assertEqual(self.ask(gateway)[0], 200)
        self.assertEqual(gateway.end(), 0)


class Holding(ScriptedUpstream):
    """Answers at once, but for those who say that they are to be held: these one by one, when it is told to."""

    def __init__(self):
        self.held, self._ends = 0, asyncio.Semaphore(0)
        super().__init__(self.answer)

    async def answer(self, body, write):
        if json.loads(body).get("user") == "held":
            self.held += 1
            try:
                await self._ends.acquire()
            finally:
                self.held -= 1
        body = json.dumps({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        await write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    def end_one(self):
        self._loop.call_soon_threadsafe(self._ends.release)


class Places(Case):
    """Two requests at once, and no more, whichever process serves them."""

    def setUp(self):
        self.clients, self.provider = concurrent.futures.ThreadPoolExecutor(), Holding()
        self.addCleanup(self.clients.shutdown)
        self.addCleanup(self.provider.stop)
        directory = self.directory / self.id().rpartition(".")[2]
        settings = gateway_settings(directory, [("only", self.provider.url, 1)])
        settings["keys"] = [{"id": "two", "hash": sha256(CLIENT_KEY), "limits": {"concurrent": 2}}]
        self.gateway = kept(self, Served(directory, settings))
        self.addCleanup(self.gateway.kill)  # before the clients are waited for

    def ask(self, **what):
        return fetch(self.gateway.url + "/v1/chat/completions", "POST", chat(**what),
                     {"authorization": f"Bearer {CLIENT_KEY}"})[0]

    def hold(self, count):
        """So many more are at the provider."""
        before = self.provider.held
        asked = [self.clients.submit(self.ask, user="held") for _ in range(count)]
        self.assertTrue(until(lambda: self.provider.held == before + count), self.gateway.output())
        return asked

    def test_requests_of_the_old_process_keep_their_places(self):
        first, second = self.hold(2)
        self.assertEqual(self.ask(), 429)
        self.gateway.upgrade()
        self.assertEqual(self.ask(), 429)
        self.provider.end_one()
        self.assertTrue(until(lambda: self.ask() == 200))
        third, = self.hold(1)
        self.assertEqual(self.ask(), 429)
        self.gateway.upgrade()  # two processes drain now, each with one
        self.assertEqual(self.ask(), 429)
        for _ in range(2):
            self.provider.end_one()
        self.assertEqual([each.result(30) for each in (first, second, third)], [200] * 3)
        self.assertTrue(until(lambda: all(self.gateway.gone(pid) for pid in self.gateway.pids[:-1])))
        again = self.hold(2)
        self.assertEqual(self.ask(), 429)
        for _ in range(2):
            self.provider.end_one()
        self.assertEqual([each.result(30) for each in again], [200] * 2)
        self.assertEqual(self.gateway.end(), 0)

    def test_the_places_of_an_old_process_that_is_killed_are_free(self):
        self.hold(2)
        self.gateway.upgrade()
        self.assertEqual(self.ask(), 429)
        os.kill(self.gateway.pids[0], signal.SIGKILL)
        self.assertTrue(until(lambda: self.ask() == 200))
        for _ in range(2):
            self.provider.end_one()  # nobody hears it
        self.assertTrue(until(lambda: self.provider.held == 0))
        again = self.hold(2)
        self.assertEqual(self.ask(), 429)
        for _ in range(2):
            self.provider.end_one()
        self.assertEqual([each.result(30) for each in again], [200] * 2)

    def test_what_the_oldest_of_three_bills_is_kept_when_the_middle_one_is_killed(self):
        first, = self.hold(1)
        self.gateway.upgrade()
        self.gateway.upgrade()
        os.kill(self.gateway.pids[1], signal.SIGKILL)
        self.assertTrue(until(lambda: self.gateway.gone(self.gateway.pids[1])))
        self.provider.end_one()
        self.assertEqual(first.result(30), 200)
        self.assertEqual(self.ask(), 200)
        billed = lambda: self.gateway.admin("/admin/v1/usage")[2]["total"]["requests"]
        self.assertTrue(until(lambda: billed() == 2), self.gateway.output())
        self.assertEqual(self.gateway.end(), 0)


class Manager(Case):
    """With a service manager: its sockets, and what it is told."""

    def settings(self, name):
        directory = self.directory / name
        directory.mkdir()
        provider = self.simulator()
        return directory, gateway_settings(directory, [("only", provider.url + "/v1", 1)])

    def test_a_stop_of_all_its_processes_cuts_nothing_that_was_begun_before_an_upgrade(self):
        directory = self.directory / "stopped"
        provider = self.simulator("--behaviour", "tps-20+tokens-60")
        gateway = kept(self, Served(directory, gateway_settings(directory, [("only", provider.url + "/v1", 1)])))
        ask = lambda: asyncio.run(exchange(gateway.address, request_bytes("/v1/chat/completions", chat(stream=True))))
        with concurrent.futures.ThreadPoolExecutor() as clients:
            answer = clients.submit(ask)
            self.assertTrue(until(lambda: gateway.total("sluice_open_streams") == 1))
            gateway.upgrade()
            time.sleep(1)  # by then the old one refuses what comes on connections it has
            for pid in gateway.pids:
                os.kill(pid, signal.SIGTERM)
            self.assertEqual(data_events(answer.result().body)[-1], "[DONE]")
        self.assertTrue(until(lambda: all(gateway.gone(pid) for pid in gateway.pids)), gateway.output())
        self.assertEqual(gateway.count("insisting"), 0)

    def test_it_is_told_who_serves_and_that_it_is_well(self):
        directory, settings = self.settings("told")
        above = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(above.close)
        above.bind(str(directory / "notify"))
        above.settimeout(20 * harness.SLOW)
        environment = {"NOTIFY_SOCKET": str(directory / "notify"), "WATCHDOG_USEC": "1000000"}
        gateway = kept(self, Served(directory, settings, environment))

        def told(wanted):
            while (text := above.recv(256).decode()) != wanted and text == "WATCHDOG=1":
                pass
            return text
        self.assertEqual(told("READY=1"), "READY=1")
        self.assertEqual(told("WATCHDOG=1"), "WATCHDOG=1")
        gateway.signal(signal.SIGHUP)
        self.assertRegex(told("RELOADING=1"), "^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
        self.assertEqual(told("READY=1"), "READY=1")
        gateway.upgrade()
        self.assertEqual(told("MAINPID"), f"MAINPID={gateway.pid}")
        self.assertEqual(told("READY=1"), "READY=1")
        # Heard meanwhile: a socket keeps ten words, and drops others.
        self.assertTrue(until(lambda: above.recv(256) == b"WATCHDOG=1" and gateway.gone(gateway.pids[0]), every=0))
        gateway.signal(signal.SIGTERM)
        self.assertEqual(told("STOPPING"), "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000")
        self.assertEqual(gateway.end(), 0)

    def activated(self, name, *addresses):
        directory, settings = self.settings(name)
        activate = shutil.which("systemd-socket-activate")
        if not activate:
            self.skipTest("there is no systemd-socket-activate")
        config = directory / "sluice.yaml"
        settings["listen"] = [{"address": addresses[0]}]
        settings["admin"]["address"] = addresses[1]
        config.write_text(json.dumps(settings))
        words = [word for address in addresses for word in ("-l", address)]
        return self.started(Program(activate, *words, harness.BINARY, "serve", "--config", config))

    def test_its_sockets_are_served_through_upgrades(self):
        addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
        program = self.activated("activated", *addresses)
        program.wait_for("Listening on")
        ask = lambda: fetch(f"http://{addresses[0]}/v1/chat/completions", "POST", chat(),
                            {"authorization": f"Bearer {CLIENT_KEY}"})[0]
        pids = [program.process.pid]
        self.assertEqual(ask(), 200)
        for _ in range(2):
            os.kill(pids[-1], signal.SIGUSR2)
            begun = len(pids)
            # One tells the one, its successor the other.
            self.assertTrue(until(lambda: all(program.output().count(f'"{event}"') == begun for event in
                                              ("took_over", "upgraded"))), program.output())
            pids.append(json.loads([x for x in program.output().splitlines() if '"upgraded"' in x][-1])["pid"])
            for _ in range(20):
                self.assertEqual(ask(), 200)
        self.assertTrue(until(lambda: all(Served.gone(pid) for pid in pids[:-1])))
        os.kill(pids[-1], signal.SIGTERM)
        self.assertTrue(until(lambda: Served.gone(pids[-1])), program.output())
        self.assertEqual(program.wait(), 0)

    def test_a_socket_for_an_address_that_is_not_configured_is_an_error_that_names_it(self):
        addresses = [f"127.0.0.1:{port}" for port in free_ports(3)]
        program = self.activated("unmatched", *addresses)
        program.wait_for("Listening on")
        socket.create_connection(addresses[0].split(":")).close()
        self.assertEqual(program.wait(), 1)
        self.assertIn(f"gives a socket for {addresses[2]}, but neither `listen` nor `admin` has", program.output())


class Killed(Case):
    RUNS = 10

    def test_it_serves_again_soon_after_kill_9(self):
        provider = self.simulator()
        data, admin = free_ports(2)
        settings = gateway_settings(
            self.directory, [("stable", provider.url + "/v1", 95), ("canary", provider.url + "/v1", 5)])
        settings["listen"][0]["address"] = f"127.0.0.1:{data}"
        settings["admin"]["address"] = f"127.0.0.1:{admin}"
        settings["models"]["m"].update(price=PRICE, rollout={"steps": ["5%", "50%"], "every": "1h"})
        settings["keys"] += [
            {"id": f"key-{i}", "hash": sha256(f"sk-{i}"), "tenant": f"tenant-{i % 20}", "models": ["*"],
             "limits": {**PATIENT, "tokens": "1000000/min"}, "budget": {"daily": "100000 USD"}}
            for i in range(500)]
        settings["tenants"] = {f"tenant-{i}": {"budget": {"monthly": "1000000 USD"}} for i in range(20)}
        server = self.started(harness.Gateway(settings, self.directory))
        self.assertEqual(self.ask(server), 200)
        self.assertEqual(server.admin("/admin/v1/models/m/rollout", "PUT", {})[0], 200)
        self.assertEqual(server.admin("/admin/v1/keys", "POST", {"id": "live", "models": ["*"]})[0], 200)
        self.assertEqual(server.stop(), 0)
        with sqlite3.connect(self.directory / "state/usage.db") as ledger:
            rows = [(1_795_000_000 // 3600 * 3600 - 3600 * (i // 500), "", f"key-{i % 500}", "m", "stable", "stable",
                     "answered", "", *([1] * 10)) for i in range(5000)]
            ledger.executemany("INSERT OR IGNORE INTO usage VALUES(" + ",".join("?" * 18) + ")", rows)
        ledger.close()
        server = self.started(harness.Gateway(settings, self.directory))
        took = []
        for _ in range(self.RUNS):
            self.assertEqual(self.ask(server), 200)
            server.kill()
            begun = time.monotonic()
            again = Program(harness.BINARY, "serve", "--config", server.config)
            self.started(again)
            while True:
                try:
                    if fetch(server.url + "/healthz")[0] == 200 and self.ask(server) == 200:
                        break
                except OSError:
                    time.sleep(0.002)
                self.assertIsNone(again.process.poll(), again.output())
            took.append(1000 * (time.monotonic() - begun))
            server.process, server.lines = again.process, again.lines
            server._reader, server._changed = again._reader, again._changed
        print("\n    served again after kill -9 within " + " ".join(f"{one:.0f}" for one in sorted(took)) + " ms")
        # A machine that is busy for a moment spoils one of them.
        self.assertLess(sorted(took)[-2], 3000 * harness.SLOW)
        self.assertLess(max(took), 10_000 * harness.SLOW)
        self.assertEqual(server.stop(), 0)

    @staticmethod
    def ask(server):
        return fetch(server.url + "/v1/chat/completions", "POST", chat(max_tokens=8),
                     {"authorization": "Bearer sk-7"})[0]


if __name__ == "__main__":
    sys.exit(harness.main())
