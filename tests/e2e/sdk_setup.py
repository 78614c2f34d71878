"""The gateway both SDK tests talk to: a stable and a canary provider, several kinds of keys."""
from harness import CLIENT_KEY, sha256

LIMITED_KEY = "sk-limited"    # one request, then a new one every 300 ms
NARROW_KEY = "sk-narrow"      # only the model "m"


def start(case):
    """(gateway, stable simulator)"""
    stable, canary = case.simulator(name="stable"), case.simulator(name="canary")
    gateway = case.gateway(
        [("stable", stable.url + "/v1", 90), ("canary", canary.url + "/v1", 10)],
        timeouts={"first_byte": "2s", "stream_idle": "2s"},
        keys=[{"id": "test", "hash": sha256(CLIENT_KEY), "models": ["*"], "may_choose_target": True},
              {"id": "limited", "hash": sha256(LIMITED_KEY),
               "limits": {"requests": "200/min", "burst": 1}},
              {"id": "narrow", "hash": sha256(NARROW_KEY), "models": ["m"]}])
    return gateway, stable
