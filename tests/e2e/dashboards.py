#!/usr/bin/env python3
"""A real Prometheus scrapes two gateways, a healthy one and one that has every trouble there is, and evaluates every
query of every dashboard and every rule: each returns data, or returns it when its trouble comes."""
import asyncio
import itertools
import json
import re
import resource
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.parse

import harness
from harness import CLIENT_KEY, ROOT, Case, Program, chat, exchange, fetch, free_port, gateway_settings, request_bytes, sha256, until
from fleet import SERVER as REDIS_SERVER, Redis
from upstream import ScriptedUpstream

PROMETHEUS = shutil.which("prometheus")
DASHBOARDS = sorted((ROOT / "grafana/dashboards").glob("*.json"))
RULES = ROOT / "deploy/prometheus"

# Counters that have no series while nothing of the kind has happened. A query that needs one is empty in good
# days; everything else has data.
WHEN_IT_HAPPENS = re.compile(
    r"sluice_(limited_total|limited_shadow_total|provider_limited_total|fallbacks_total|rollbacks_total|usage_unknown_total"
    r"|cost_estimated_usd_total|hedge_cost_usd_total|price_unknown_total|usage_discrepancies_total)"
    r"|changes\(|^sum by \(model, cause\) .*cause!~")
# Lost bills need hours without a disk: its unit test alone lets it fire.
NOT_PROVOKED = {"SluiceLedgerLoss"}

PRICE = {"input": 10, "output": 10}
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {
    "type": "object", "properties": {"word": {"type": "string"}}}}}]
KEYS = {"poor": {"budget": {"daily": "0.02 USD"}},
        "held": {"limits": {"requests": "1/s", "burst": 1}},
        "told": {"limits": {"requests": "1/s", "burst": 1, "shadow": True}},
        "patient": {"limits": {"requests": "5/s", "burst": 1, "max_wait": "5s", "tokens": "1000000/s"}}}


class Prometheus(Program):
    def __init__(self, directory, targets, duration="60", first_token="10"):
        self.directory = directory
        self.url = "http://127.0.0.1:%d" % free_port()
        self.promise(duration, first_token)
        (directory / "alerts.yaml").write_text((RULES / "alerts.yaml").read_text())
        config = (RULES / "prometheus.yml").read_text().replace('"gateway-1:9090", "gateway-2:9090"', ", ".join(
            json.dumps(target) for target in targets)).replace("interval: 15s", "interval: 1s")
        (directory / "prometheus.yml").write_text(config)
        super().__init__(PROMETHEUS, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                         f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn")

    def promise(self, duration, first_token):
        """The rules as shipped, but that days are looked at every second, and with these objectives."""
        text = (RULES / "recording.yaml").read_text().replace("interval: 5m", "interval: 1s")
        text = text.replace("vector(60)", f"vector({duration})").replace("vector(10)", f"vector({first_token})")
        (self.directory / "recording.yaml").write_text(text)

    def ready(self):
        try:
            return fetch(self.url + "/-/ready")[0] == 200
        except OSError:
            return False

    def data(self, query):
        """The values that are numbers; [] when nothing is returned."""
        status, _, text = fetch(self.url + "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        assert status == 200, f"{text}\n{query}"
        result = json.loads(text)["data"]["result"]
        return [sample["value"][1] for sample in result if sample["value"][1] != "NaN"]

    def rules(self):
        """(name, query, whether it is an alert), as Prometheus has read them."""
        groups = json.loads(fetch(self.url + "/api/v1/rules")[2])["data"]["groups"]
        return [(rule["name"], rule["query"], rule["type"] == "alerting") for group in groups for rule in group["rules"]]


def queries():
    """{what it is: query} of all panels, annotations and variables."""
    found = {}
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                found[f"{path.stem}: {panel['title']} {target['refId']} ({panel['id']})"] = target["expr"]
        for note in board["annotations"]["list"]:
            found[f"{path.stem}: annotation {note['name']}"] = note["expr"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                found[f"{path.stem}: ${variable['name']}"] = re.fullmatch(
                    r"label_values\((.+), \w+\)", variable["definition"])[1]
    for what, query in found.items():
        for name, value in (("$__rate_interval", "20s"), ("$__range", "5m"), ("$model", ".*"), ("$target", ".*")):
            query = query.replace(name, value)
        assert "$" not in query, f"{what}: a variable nobody fills in: {query}"
        found[what] = query
    return found


class Traffic:
    """Requests that come again and again until they are stopped."""

    def __init__(self):
        self.stopped, self.threads = threading.Event(), []

    def add(self, gateway, body, every=0.2, key=CLIENT_KEY):
        request = request_bytes("/v1/chat/completions", body, key=key)

        async def again():
            while not self.stopped.is_set():
                begun = time.monotonic()
                try:
                    await exchange(gateway.address, request, timeout=15)
                except (OSError, asyncio.TimeoutError):
                    pass
                await asyncio.sleep(max(0, begun + every - time.monotonic()))
        thread = threading.Thread(target=lambda: asyncio.run(again()), daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(20)


def target(name, provider, model, **more):
    return {"name": name, "provider": provider, "model": model, **more}


def contradiction():
    body = json.dumps({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2,
                  "prompt_tokens_details": {"cached_tokens": 99}}}).encode()

    async def script(_, write):
        await write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    return ScriptedUpstream(script)


def early_usage():
    """Streams that tell usage before their first token, which comes 30 to 90 ms later: a hedge's loser has a price."""
    def event(**more):
        text = "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **more}) + "\n\n"
        return b"%x\r\n%s\r\n" % (len(text), text.encode())

    def delta(said, finish=None):
        return [{"index": 0, "delta": said, "finish_reason": finish}]
    calls = itertools.count()
    usage = {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51}

    async def script(_, write):
        number = next(calls)
        await write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                    + event(choices=delta({"role": "assistant"}), usage=usage))
        await asyncio.sleep(0.03 + 0.02 * (number % 4))
        await write(event(choices=delta({"content": "hi"})) + event(choices=delta({}, "stop"), usage=usage)
                    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    return ScriptedUpstream(script)


class Dashboards(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.simulator("--behaviour", "latency-10ms-15ms-40ms+tokens-20+tps-400")
        cls.redis = cls.started(Redis(cls.directory))
        cls.traffic = Traffic()
        cls.stack.callback(cls.traffic.stop)

    def start(self, name, models, providers, group=None, **changes):
        directory = self.directory / name
        directory.mkdir()
        settings = gateway_settings(directory, [("good", self.provider.url + "/v1", 1)], **changes)
        settings["providers"].update(providers)
        settings["models"] = models
        settings["state"]["redis"] = self.redis.url
        settings["state"]["redis_timeout"] = "2s"  # a busy machine is late now and then, and Redis is not down for it
        settings["state"]["redis_prefix"] = group or name
        settings["keys"] += [{"id": key, "hash": sha256(key), **more} for key, more in KEYS.items()]
        return self.started(harness.Gateway(settings, directory))

    def healthy(self):
        return self.start("healthy", {
            "demo": {
                "price": PRICE, "canary": "canary", "hedge": {"after": "15ms", "budget": "50%"},
                "budget": {"daily": "500 USD"},
                "rollout": {"steps": ["20%", "40%", "100%"], "every": "1h", "guards": {"errors_above_stable": "off"}},
                "shadow": {"target": "candidate", "percent": "100%"},
                "targets": [target("stable", "good", "plain", weight=80), target("canary", "good", "plain", weight=20),
                            target("candidate", "good", "plain", weight=0)]},
            "other": {"price": PRICE, "canary": "canary", "targets": [
                target("stable", "good", "plain", weight=80), target("canary", "good", "plain", weight=20)]}}, {})

    def sick(self, contradicting, telling, admin_address):
        once = {"retry": {"attempts": 1}, "breaker": "off"}
        refusing = self.simulator("--key", "another", "--behaviour", "ok")
        echoing = self.simulator("--behaviour", "echo-key")
        to_nobody = "http://127.0.0.1:1/hook"
        return self.start("sick", {
            "failing": {"targets": [target("only", "good", "sim-error-500")], "fallbacks": ["spare"],
                        "breaker": {"failures": 3, "cooldown": "1h"}, "retry": {"attempts": 1}},
            "worn": {"targets": [target("only", "good", "sim-error-503")], "breaker": "off",
                     "retry": {"attempts": 4, "base": "1ms", "cap": "2ms", "budget": "1%"}},
            "cut": {"targets": [target("only", "good", "sim-tokens-20+cut-5")], "price": PRICE, **once},
            "silent": {"targets": [target("only", "good", "sim-no-usage")], "price": PRICE, **once},
            "refused": {"targets": [target("only", "refusing", "m")], **once},
            "echoed": {"targets": [target("only", "echoing", "m")], **once},
            "contradicting": {"targets": [target("only", "contradicting", "m")], "price": PRICE, **once},
            "hedged": {"targets": [target("only", "telling", "m")], "price": PRICE, "retry": {"attempts": 1},
                       "hedge": {"after": "10ms", "budget": "100%"}},
            "risky": {"targets": [target("stable", "good", "plain", weight=50), target("canary", "good", "sim-error-500", weight=0)],
                      "canary": "canary", **once,
                      "rollout": {"steps": ["50%", "100%"], "minimum": 10, "every": "1h", "webhook": to_nobody}},
            "spare": {"targets": [target("only", "limited", "sim-ok")], "price": PRICE, **once}}, {
                "refusing": {"base_url": refusing.url + "/v1", "api_keys": ["one", "other"]},
                "echoing": {"base_url": echoing.url + "/v1", "api_key": "sk-quoted-0123456789abcdef"},
                "limited": {"base_url": self.provider.url + "/v1", "api_key": "two",
                            "limits": {"requests": "2/s", "burst": 1, "shadow": True}},
                "telling": {"base_url": telling.url, "api_key": "four"},
                "contradicting": {"base_url": contradicting.url, "api_key": "three"}},
            access_log="/dev/full", admin={"address": admin_address, "token": harness.ADMIN_TOKEN})

    def wait_for_data(self, wanted, seconds):
        """What of {name: query} has no data after so long, looking again and again."""
        left = dict(wanted)

        def all_seen():
            for what in [what for what, query in left.items() if self.prometheus.data(query)]:
                del left[what]
            return not left
        until(all_seen, seconds, 0.5)
        return left

    def in_good_days(self, well):
        self.traffic.add(well, chat(model="demo", stream=True))
        self.traffic.add(well, chat(model="demo"))
        self.traffic.add(well, chat(model="demo", tools=TOOLS, tool_choice="required"))
        self.traffic.add(well, chat(model="other", stream=True))
        self.traffic.add(well, chat(model="demo"), 0.05, key="patient")
        self.traffic.add(well, chat(model="demo"), 0.05, key="patient")
        self.assertEqual(well.admin("/admin/v1/models/demo/rollout", "PUT", {})[0], 200)
        every = queries()
        usual = {what: query for what, query in every.items() if not WHEN_IT_HAPPENS.search(query)}
        self.assertGreater(len(usual), len(every) / 2)
        left = self.wait_for_data(usual, 60)
        self.assertEqual(left, {}, "these panels are empty, and no trouble explains it")
        rules = self.prometheus.rules()
        left = self.wait_for_data(
            {n: q for n, q, alert in rules if not alert and "increase" not in n and "p99" not in n}, 30)
        self.assertEqual(left, {}, "these rules record nothing")
        # A machine that is busy with something else is late: that one may be right. Others it may raise for a moment,
        # which is why they have to hold for a while before anybody is told.
        def holding():
            return [name for name, query, alert in rules
                    if alert and name != "SluiceLoopLag" and self.prometheus.data(query)]
        until(lambda: holding() == ["SluiceGatewayDown"], 10, 0.5)
        # The other gateway is not there yet.
        self.assertEqual(holding(), ["SluiceGatewayDown"], "alerts hold that should not")
        return {what: query for what, query in every.items() if what not in usual}

    def make_trouble(self, well, ill):
        for model in ("failing", "worn", "refused", "echoed", "contradicting", "silent"):
            self.traffic.add(ill, chat(model=model))
        self.traffic.add(ill, chat(model="cut", stream=True))
        self.traffic.add(ill, chat(model="hedged", stream=True), 0.1)
        self.traffic.add(ill, chat(model="risky"), 0.02)
        self.traffic.add(ill, chat(model="risky"), 0.02)
        for key in ("held", "told"):
            self.traffic.add(ill, chat(model="silent"), key=key)
        self.traffic.add(ill, chat(model="spare", max_tokens=20), 0.05, key="poor")
        self.traffic.add(ill, chat(model="spare"), 0.1)
        self.traffic.add(ill, chat(model="nobody-has-it"))
        self.assertEqual(ill.admin("/admin/v1/models/risky/rollout", "PUT", {})[0], 200)
        well.canary("other", 50)
        self.assertEqual(well.admin("/admin/v1/models/demo/promote", "POST")[0], 200)
        ill.write_config({**ill.settings, "workers": "none"})
        self.assertNotEqual(ill.admin("/admin/v1/reload", "POST")[0], 200)
        ill.signal(signal.SIGUSR2)  # and no program starts with it
        self.prometheus.promise("0.001", "0.001")
        self.prometheus.signal(signal.SIGHUP)

    def change_elsewhere(self, ill):
        """Another gateway of its group, with another file, moves a canary that this one does not have."""
        other = self.start("other", {"elsewhere": {"canary": "canary", "targets": [
            target("stable", "good", "plain", weight=80), target("canary", "good", "plain", weight=20)]}}, {}, group="sick")
        other.canary("elsewhere", 50)
        self.assertTrue(until(lambda: ill.total("sluice_store_spread_unfit") == 1), ill.output())
        self.assertEqual(other.stop(), 0)

    def starve(self, ill):
        """No file may grow, no connection can be accepted, the loop stands still again and again, Redis is gone."""
        pid = ill.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        for _ in range(15):
            ill.signal(signal.SIGSTOP)
            until(lambda: False, 0.12 / harness.SLOW)
            ill.signal(signal.SIGCONT)
            until(lambda: False, 0.12 / harness.SLOW)
        self.redis.stop()
        self.assertEqual(ill.admin("/admin/v1/keys/patient", "DELETE")[0], 200)  # in force, and not written

    def without_descriptors(self, ill):
        _, hard = resource.prlimit(ill.process.pid, resource.RLIMIT_NOFILE)
        # Prometheus keeps its connection: what it cannot open anew, it has.
        resource.prlimit(ill.process.pid, resource.RLIMIT_NOFILE, (ill.open_files() + 5, hard))
        crowd = [socket.create_connection((ill.host, ill.port), timeout=20) for _ in range(40)]
        return crowd

    def test_every_query_returns_data(self):
        contradicting, telling = contradiction(), early_usage()
        self.stack.callback(contradicting.stop)
        self.stack.callback(telling.stop)
        well, begun = self.healthy(), time.monotonic()
        later = "127.0.0.1:%d" % free_port()
        folder = self.directory / "prometheus"
        folder.mkdir()
        self.prometheus = self.started(Prometheus(folder, [well.admin_address, later]))
        self.assertTrue(until(self.prometheus.ready, 30), self.prometheus.output())
        left = self.in_good_days(well)
        print(f"\n    {len(queries()) - len(left)} queries with data in good days after {time.monotonic() - begun:.0f} s, "
              f"{len(left)} wait for trouble")
        ill = self.sick(contradicting, telling, later)
        self.assertTrue(until(lambda: self.prometheus.data(f'sluice_build_info{{instance="{later}"}}')))
        self.make_trouble(well, ill)
        missing = self.wait_for_data(left, 60)
        self.assertEqual(missing, {}, "these panels are empty when their trouble has come")
        self.change_elsewhere(ill)
        self.starve(ill)
        alerts = {name: query for name, query, alert in self.prometheus.rules() if alert}
        last = {"SluiceGatewayDown", "SluiceAcceptErrors"} | NOT_PROVOKED
        missing = self.wait_for_data({n: q for n, q in alerts.items() if n not in last}, 60)
        self.assertEqual(missing, {}, "these alerts do not hold when they should")
        recorded = {n: q for n, q, alert in self.prometheus.rules() if not alert}
        self.assertEqual(self.wait_for_data(recorded, 30), {}, "these rules record nothing")
        for name in NOT_PROVOKED:
            self.assertTrue(self.prometheus.data(alerts[name].rpartition(">")[0]), name)
        crowd = self.without_descriptors(ill)
        ill.wait_for("accept_failed")
        # Now Prometheus can come anew, if it was kept waiting and hung up.
        for one in crowd:
            one.close()
        missing = self.wait_for_data({"SluiceAcceptErrors": alerts["SluiceAcceptErrors"]}, 30)
        self.assertEqual(missing, {})
        ill.kill()
        missing = self.wait_for_data({"SluiceGatewayDown": alerts["SluiceGatewayDown"]}, 30)
        self.assertEqual(missing, {})
        self.traffic.stop()
        self.assertEqual(well.stop(), 0)
        self.prometheus.stop()
        print(f"    {len(queries())} queries, {len(alerts)} alerts and {len(recorded)} recording rules "
              f"in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    if PROMETHEUS is None or REDIS_SERVER is None:
        harness.skip_all("prometheus or redis-server is not installed")
    sys.exit(harness.main())
