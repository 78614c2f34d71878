#!/usr/bin/env python3
"""The rules for Prometheus load, fire where they should, ask for metrics that exist, and each alert has its section
in the operator's manual."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from metrics import catalogue, series_of, wrong_with_query
from sources import ROOT, report, text

FOLDER = Path("deploy/prometheus")
RULES = ["recording.yaml", "alerts.yaml"]
MANUAL = Path("deploy/README.md")
RULE = re.compile(r"^( *)- (alert|record): (\S+)\n((?:\1  .*\n|\n)*)", re.M)
QUERY = re.compile(r"^( *)expr: (?:>-\n((?:\1  .*\n)+)|(.+)\n)", re.M)


def rules(path):
    """(alert or record, name, query, all of it), as the files write them."""
    for _, kind, name, body in RULE.findall(text(path)):
        query = QUERY.search(body)
        yield kind, name, " ".join((query[2] or query[3]).split()) if query else "", body


def wrong_with(path, series, recorded):
    for kind, name, query, body in rules(path):
        if not query:
            yield f"{name}: no query was found"
        # The objectives are numbers, everything else comes from a gateway or is recorded from one.
        wanted = set(re.findall(r"\b[a-z_]+:[a-zA-Z0-9_:]+", query))
        for other in sorted(wanted - recorded):
            yield f"{name}: nothing records {other}"
        for wrong in wrong_with_query(query, series):
            yield f"{name}: {wrong}"
        if kind == "alert":
            yield from wrong_with_alert(name, body)


def wrong_with_alert(name, body):
    if not re.search(r"severity: (page|ticket)\b", body):
        yield f"{name}: has no severity"
    for annotation in ("summary", "description"):
        if not re.search(rf"^ *{annotation}: \S", body, re.M):
            yield f"{name}: has no {annotation}"
    if f'runbook_url: "{MANUAL}#{name.lower()}"' not in body:
        yield f"{name}: has no runbook_url that leads to its section"
    if not re.search(rf"^#+ {name}$", text(MANUAL), re.M):
        yield f"{name}: {MANUAL} has no section of this name"
    tested = "".join(text(path.relative_to(ROOT)) for path in (ROOT / FOLDER / "tests").glob("*.yaml"))
    if not re.search(rf"alertname: {name}\n *exp_alerts:\n", tested):
        yield f"{name}: no test lets it fire"


def promtool(*words):
    program = shutil.which("promtool")
    if program is None:
        print(f"not checked: promtool is not installed ({' '.join(words[:2])})")
        return
    done = subprocess.run([program, *words], cwd=ROOT / FOLDER, capture_output=True, text=True)
    if done.returncode:
        yield f"promtool {' '.join(words)}:\n{done.stdout}{done.stderr}"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    series = series_of(catalogue(binary))
    every = [rule for name in RULES for rule in rules(FOLDER / name)]
    recorded = {name for kind, name, _, _ in every if kind == "record"}
    complaints = [wrong for name in RULES for wrong in wrong_with(FOLDER / name, series, recorded)]
    counted = sum(len(re.findall(r"^ *expr:", text(FOLDER / name), re.M)) for name in RULES)
    if counted != len(every):
        complaints.append(f"{counted} rules are written and {len(every)} were read")
    complaints += promtool("check", "config", "prometheus.yml")
    complaints += promtool("test", "rules", *sorted(f"tests/{p.name}" for p in (ROOT / FOLDER / "tests").glob("*.yaml")))
    report("Prometheus' rules load, fire and ask for what exists", "an alert that cannot fire looks like a healthy gateway",
           complaints)


main()
