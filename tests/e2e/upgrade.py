#!/usr/bin/env python3
"""SIGUSR2 under load: another process takes over, and no client notices."""
import shutil
import sys
import time

import balancers
import harness
from harness import Case, Load, Mock, fetch, free_ports, gateway_settings, until
from served import Served, kept

STREAMS, PER_SECOND = 1000 // harness.SLOW, 500 // harness.SLOW
EVENTS, RATE = 20, 2  # streams of ten seconds
UPGRADES, PAUSE = 10, 1.5


def nginx_before(directory, gateways):
    return balancers.nginx(directory, [gateway.address for gateway in gateways])


def haproxy_before(directory, gateways):
    return balancers.haproxy(directory, [gateway.address for gateway in gateways])


class At:
    """What Load wants of a gateway."""

    def __init__(self, port):
        self.port = port


def clients(case, port, seconds):
    """Streams of ten seconds, again and again, and a new connection for every request of the others."""
    at = At(port)
    streams = case.started(Load("sse", at, "--streams", STREAMS, "--ramp-ms", 1500, "--seconds", seconds,
                                "--expect-events", EVENTS, "--stall-ms", 5000))
    requests = case.started(Load("unary", at, "--rate", PER_SECOND, "--seconds", seconds, "--connections", 200,
                                 "--header", "connection: close"))
    return streams, requests


class Upgrades(Case):
    def served(self, name, **changes):
        directory = self.directory / name
        data, admin = free_ports(2)
        settings = gateway_settings(directory, [("only", self.mock.url + "/v1", 1)], **changes)
        settings["listen"][0]["address"] = f"127.0.0.1:{data}"
        settings["admin"]["address"] = f"127.0.0.1:{admin}"
        settings["timeouts"] = {"drain": "60s"}
        return kept(self, Served(directory, settings))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mock = cls.started(Mock("--events", EVENTS, "--rate", RATE))

    def under_load(self, gateways, port, upgrades):
        streams, requests = clients(self, port, upgrades * PAUSE + 6)
        self.assertTrue(until(lambda: sum(g.total("sluice_open_streams") for g in gateways) >= STREAMS, 20))
        took = []
        for number in range(upgrades):
            gateway = gateways[number % len(gateways)]
            gateway.place()
            took.append(gateway.upgrade())
            time.sleep(PAUSE)
        report = [each.report(180) for each in (streams, requests)]
        print(f"\n    {upgrades} upgrades, each within {1000 * max(took):.0f} ms at most;"
              f" streams: {report[0]['completed']} whole, {report[0]['truncated']} broken,"
              f" {report[0]['failures']['total']} failed; requests on connections of their own:"
              f" {report[1]['answered']} answered, {report[1]['failures']['total']} failed")
        self.assertEqual((report[0]["truncated"], report[0]["failures"]["total"]), (0, 0), report[0])
        self.assertEqual(report[1]["failures"]["total"], 0, report[1])
        self.assertGreaterEqual(report[0]["completed"], STREAMS)
        return report[0]["completed"] + report[1]["answered"]

    def bills(self, gateways, since):
        total = 0
        for gateway in gateways:
            status, _, usage = gateway.admin(f"/admin/v1/usage?by=outcome&since={since}")
            self.assertEqual(status, 200, usage)
            self.assertTrue(all(row["outcome"] == "answered" for row in usage["rows"]), usage)
            total += usage["total"]["requests"]
        return total

    def all_ended_but_the_last(self, gateway):
        self.assertTrue(until(lambda: all(gateway.gone(pid) for pid in gateway.pids[:-1]), 70), gateway.pids)
        self.assertFalse(gateway.gone(gateway.pid))

    def one_round(self, gateways, port, upgrades):
        asked = self.under_load(gateways, port, upgrades)
        for gateway in gateways:
            self.all_ended_but_the_last(gateway)
        self.assertTrue(until(lambda: self.bills(gateways, "2h") >= asked))
        self.assertEqual(self.bills(gateways, "2h"), asked, "a bill was lost or counted twice")
        for gateway in gateways:
            self.assertEqual(sum(1 for line in gateway.access_log() if line["status"] != 200), 0)
            self.assertEqual(gateway.end(), 0, gateway.output()[-2000:])
            self.assertEqual(gateway.count("upgrade_failed"), 0, gateway.output())

    def behind(self, name, before):
        if not shutil.which(name):
            self.skipTest(f"there is no {name}")
        gateways = [self.served(f"{name}-{i}") for i in range(2)]
        program, port = before(self.directory, gateways)
        self.started(program)
        self.assertTrue(until(lambda: self.healthy(f"127.0.0.1:{port}"), 20), program.output())
        self.one_round(gateways, port, UPGRADES)

    def test_two_gateways_behind_haproxy(self):
        self.behind("haproxy", haproxy_before)

    def test_two_gateways_behind_nginx(self):
        self.behind("nginx", nginx_before)

    def test_one_gateway_without_anything_in_front(self):
        gateway = self.served("alone")
        self.one_round([gateway], gateway.port, UPGRADES)

    @staticmethod
    def healthy(address):
        try:
            return fetch(f"http://{address}/healthz")[0] == 200
        except OSError:
            return False


if __name__ == "__main__":
    sys.exit(harness.main())
