#!/usr/bin/env python3
"""Gateways that share a budget, a key and a canary through Redis exchange their programs meanwhile."""
import sys
import threading
import time

from fleet import SERVER, Redis
import harness
from harness import PATIENT, Case, fetch, until
from money import Provider, ask_all, priced, spend
from served import Served, kept

AFFORDED, BUDGET = 500, "5 USD"
UPGRADES = 4  # by turns


class Shared(Case):
    def served(self, number, provider, redis):
        directory = self.directory / f"gateway-{number}"
        settings = priced(directory, provider)
        # Late on a busy machine is not away, when each would spend a part of what was left.
        settings["state"].update(redis=redis.url, redis_timeout="5s")
        settings["keys"][0].update(budget={"daily": BUDGET}, limits=PATIENT)
        settings["models"]["m"]["targets"].append({"name": "new", "provider": "only", "weight": 0})
        settings["models"]["m"]["canary"] = "new"
        gateway = kept(self, Served(directory, settings))
        self.assertTrue(until(lambda: gateway.total("sluice_store_up") == 1), gateway.output())
        return gateway

    def test_no_request_fails_and_the_budget_is_spent_to_its_end_and_no_further(self):
        provider = Provider()
        self.addCleanup(provider.stop)
        redis = self.started(Redis(self.directory))
        gateways = [self.served(number, provider, redis) for number in range(2)]
        addresses, ended, wrong = [gateway.address for gateway in gateways], threading.Event(), []

        def load():
            while not ended.is_set():
                wrong.extend(answer for answer in ask_all(addresses, 4)
                             if answer.status != 200 and b"insufficient_quota" not in bytes(answer.body))
                # Not to the end of it: there each may wait in vain for what the other one holds.
                time.sleep(0.05 if provider.calls < AFFORDED / 2 else 1)

        asking = threading.Thread(target=load)
        asking.start()
        try:
            for number in range(UPGRADES):
                gateway, other = gateways[number % 2], gateways[(number + 1) % 2]
                self.assertTrue(until(lambda: provider.calls > 20 * (number + 1)))
                gateway.upgrade()
                self.assertTrue(until(lambda: gateway.total("sluice_store_up") == 1), gateway.output())
                self.seen_by(other, gateway, number)
                self.seen_by(gateway, other, number)
        finally:
            ended.set()
            asking.join()
        self.assertEqual([(answer.status, bytes(answer.body)[:300]) for answer in wrong[:3]], [])
        self.assertTrue(until(lambda: all(each.total("sluice_store_gateways") == 2 for each in gateways)))
        enough = AFFORDED * 97 // 100
        until(lambda: [spend(addresses)] and provider.calls >= enough, 40, 1)
        print(f"\n    {provider.calls} of {AFFORDED} afforded calls by two gateways over {UPGRADES} upgrades")
        self.assertLessEqual(provider.calls, AFFORDED)
        self.assertGreaterEqual(provider.calls, enough)
        for gateway in gateways:
            self.assertEqual(gateway.end(), 0, gateway.output()[-2000:])
            self.assertEqual(gateway.count("upgrade_failed"), 0, gateway.output())

    def seen_by(self, one, other, number):
        """What is told to one is so at the other: a key and a share."""
        status, _, made = other.admin("/admin/v1/keys", "POST", {"id": f"of-{other.port}-{number}", "models": ["*"]})
        self.assertEqual(status, 200, made)
        ask = lambda: fetch(one.url + "/v1/models", headers={"authorization": f"Bearer {made['secret']}"})[0]
        self.assertTrue(until(lambda: ask() == 200), one.output()[-2000:])
        other.canary("m", 10 + number)
        share = lambda: one.total("sluice_target_weight", model="m", target="new") / one.total(
            "sluice_target_weight", model="m")
        self.assertTrue(until(lambda: abs(100 * share() - 10 - number) < 0.001), share())


if SERVER is None:
    harness.skip_all("redis-server is not installed")
if __name__ == "__main__":
    sys.exit(harness.main())
