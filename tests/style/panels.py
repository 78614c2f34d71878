#!/usr/bin/env python3
"""Panels whose query is easily almost right say what their titles promise: evaluated over made-up series by promtool."""
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from sources import ROOT, report

EVERYTHING = {"model": ".*", "target": ".*"}
WEIGHT = 'sluice_target_weight{model="m",target="%s"}'
ROLLBACKS = 'sluice_rollbacks_total{instance="a:9090",model="m",reason="errors"}'
COST = 'sluice_cost_usd_total{instance="a:9090",model="m",target="t",key="%s"}'
# What happened for the first time within the range began its series with it; `increase` alone sees nothing of it.
CASES = [
    ("the share of one target is of all of them", "canary", "Share by weight", {"model": "m", "target": "canary"},
     {WEIGHT % "stable": "95x30", WEIGHT % "canary": "5x30"}, {'{model="m", target="canary"}': 0.05}),
    ("the shares of all", "canary", "Share by weight", EVERYTHING,
     {WEIGHT % "stable": "95x30", WEIGHT % "canary": "5x30"},
     {'{model="m", target="stable"}': 0.95, '{model="m", target="canary"}': 0.05}),
    ("the first rollback", "canary", "Rollbacks", EVERYTHING, {ROLLBACKS: "_x12 1x20"}, {'{model="m", reason="errors"}': 1}),
    ("rollbacks of long ago", "canary", "Rollbacks", EVERYTHING, {ROLLBACKS: "1x30"}, {'{model="m", reason="errors"}': 0}),
    ("the first bills of a key, and all of another one after a restart", "money", "Reserved and spent", EVERYTHING,
     {COST % "new": "_x15 3x15", COST % "old": "7x15 1x15"}, {"{}": 4}),
    # The stream that broke has an estimated cost, and no tokens that anybody counted.
    ("half of the canary's streams break", "canary", "Dollars per 1000 tokens", EVERYTHING,
     {COST % "k": "0+4x30", 'sluice_cost_estimated_usd_total{instance="a:9090",model="m",target="t"}': "0+2x30",
      'sluice_tokens_total{instance="a:9090",model="m",target="t",kind="input"}': "0+750x30",
      'sluice_tokens_total{instance="a:9090",model="m",target="t",kind="output"}': "0+250x30"}, {'{model="m", target="t"}': 2}),
    ("a target that tells all", "canary", "Dollars per 1000 tokens", EVERYTHING,
     {COST % "k": "0+4x30", 'sluice_tokens_total{instance="a:9090",model="m",target="t",kind="input"}': "0+1000x30"},
     {'{model="m", target="t"}': 4}),
    # Requests stand under the model that answered; one that was refused made no attempt.
    ("two attempts, then the model behind answers", "upstreams", "Attempts per request", EVERYTHING,
     {'sluice_attempts_total{model="first",target="t",outcome="status_5xx"}': "0+120x30",
      'sluice_attempts_total{model="behind",target="t",outcome="success"}': "0+60x30",
      'sluice_requests_total{model="first",target="t",code="200",stream="true"}': "0x30",
      'sluice_requests_total{model="first",target="none",code="429",stream="true"}': "0+50x30",
      'sluice_requests_total{model="behind",target="t",code="200",stream="true"}': "0+60x30"}, {"{}": 3}),
]


def query_of(board, title, variables):
    """The last query of the panel, for 10 minutes."""
    dashboard = json.loads((ROOT / f"grafana/dashboards/{board}.json").read_text(encoding="utf-8"))
    query = next(panel for panel in dashboard["panels"] if panel["title"] == title)["targets"][-1]["expr"]
    for name, value in {**variables, "__range": "10m", "__rate_interval": "5m"}.items():
        query = query.replace(f"${name}", value)
    return query


def as_test(name, board, title, variables, series, expected):
    return {
        "name": f"{title}: {name}",
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [{
            "expr": query_of(board, title, variables), "eval_time": "20m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()]}],
    }


def main():
    program = shutil.which("promtool")
    if program is None:
        print("not checked: promtool is not installed")
        return
    with tempfile.TemporaryDirectory() as directory:
        tests = Path(directory) / "panels.yaml"
        tests.write_text(json.dumps({"evaluation_interval": "1m", "tests": [as_test(*case) for case in CASES]}))  # JSON is YAML
        done = subprocess.run([program, "test", "rules", tests], capture_output=True, text=True)
    report("panels show what their titles say", "a dashboard that is nearly right is believed",
           [done.stdout + done.stderr] if done.returncode else [])


main()
