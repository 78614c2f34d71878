#!/usr/bin/env python3
"""What deploy/compose.yaml puts together, as plain processes: two gateways behind HAProxy that share a budget through
Redis, two simulated providers, Prometheus and the traffic, with the files it mounts. Only names and ports are others."""
import pathlib
import re
import shutil
import sys

import harness
from harness import BINARY, ROOT, Case, Program, Simulator, fetch, free_port, until
from balancers import haproxy
from dashboards import PROMETHEUS, Prometheus
from fleet import SERVER as REDIS_SERVER, Redis

DEPLOY = ROOT / "deploy"
TOKEN = "for-this-test-only"


def replaced(text, places):
    for shipped, here in places.items():
        assert shipped in text, f"{shipped} is not there any more"
        text = text.replace(shipped, here)
    return text


class Started(Program):
    """`sluice serve` with the file of the composition."""

    def __init__(self, directory, text):
        self.port, self.admin_port = free_port(), free_port()
        path = pathlib.Path(directory) / "sluice.yaml"
        path.write_text(replaced(text, {
            "0.0.0.0:8080": f"127.0.0.1:{self.port}", "0.0.0.0:9090": f"127.0.0.1:{self.admin_port}",
            "/var/lib/sluice": str(directory / "state")}))
        super().__init__(BINARY, "serve", "--config", path, environment={"SLUICE_ADMIN_TOKEN": TOKEN})
        self.wait_for('"ready"')
        self.address, self.admin_address = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.admin_port}"


class Composition(Case):
    def provider(self, name):
        """The simulator as the composition starts it."""
        words = re.search(rf"^  {name}:\n(?:    .*\n)*?    command: \[(.*)\]\n", (DEPLOY / "compose.yaml").read_text(), re.M)[1]
        options = re.sub('"', "", words).split(", ")
        return self.started(Simulator(*options[options.index("--behaviour"):], name=options[options.index("--name") + 1]))

    def test_it_works_together(self):
        redis = self.started(Redis(self.directory))
        one, two = self.provider("provider-1"), self.provider("provider-2")
        text = replaced((DEPLOY / "compose/sluice.yaml").read_text(), {
            "provider-1:9101": one.address, "provider-2:9101": two.address, "valkey:6379": f"127.0.0.1:{redis.port}"})
        gateways = []
        for number in range(2):
            directory = self.directory / f"gateway-{number}"
            directory.mkdir()
            gateways.append(self.started(Started(directory, text)))
        balancer, port = haproxy(self.directory, [gateway.address for gateway in gateways])
        self.started(balancer)

        def healthy():
            try:
                return fetch(f"http://127.0.0.1:{port}/healthz")[0] == 200
            except OSError:
                return False
        self.assertTrue(until(healthy), balancer.output())
        folder = self.directory / "prometheus"
        folder.mkdir()
        prometheus = self.started(Prometheus(folder, [gateway.admin_address for gateway in gateways]))
        self.assertTrue(until(prometheus.ready, 30), prometheus.output())
        traffic = [self.started(Program("sh", DEPLOY / "compose/traffic.sh", environment={
            "GATEWAY": f"http://127.0.0.1:{port}", "PAUSE": "0.05"})) for _ in range(3)]

        def flows():
            served = prometheus.data('sum by (instance) (sluice_requests_total{model="demo",code="200"}) >= 3')
            shared = prometheus.data("min(sluice_store_gateways) == 2 and on () min(sluice_store_up) == 1")
            streams = prometheus.data('sum(sluice_stream_ends_total{cause="done"}) >= 3')
            return len(served) == 2 and shared and streams
        self.assertTrue(until(flows, 40, 0.2), "".join(gateway.output()[-2000:] for gateway in gateways))

        # One budget: both tell the same of it.
        def spent():
            told = prometheus.data('sluice_budget_spent_usd{budget="model:demo:daily"}')
            return len(told) == 2 and float(told[0]) > 0 and abs(float(told[0]) - float(told[1])) < 1
        self.assertTrue(until(spent, 20, 0.2), prometheus.data("sluice_budget_spent_usd"))
        for one in traffic:
            one.kill()
        self.assertEqual([gateway.stop(60) for gateway in gateways], [0, 0])


if __name__ == "__main__":
    if PROMETHEUS is None or REDIS_SERVER is None or shutil.which("curl") is None:
        harness.skip_all("prometheus, redis-server or curl is not installed")
    sys.exit(harness.main())
