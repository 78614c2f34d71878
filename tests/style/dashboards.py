#!/usr/bin/env python3
"""Every metric and label a Grafana panel asks for is one the binary exposes, and every metric has a panel."""
import json
import os
import sys
from pathlib import Path

from metrics import NAME, catalogue, series_of, wrong_with_query
from sources import ROOT, files, report

def strings(value, key=""):
    """Every query in a dashboard, wherever it stands."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from strings(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member, key)
    elif isinstance(value, str) and key in ("expr", "query", "definition"):
        yield value


def panels(dashboard):
    for panel in dashboard.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def wrong_with(path, series):
    try:
        dashboard = json.loads((ROOT / path).read_text(encoding="utf-8"))
    except ValueError as error:
        yield f"is no JSON: {error}"
        return
    for query in strings(dashboard):
        for wrong in wrong_with_query(query, series):
            yield f"{wrong}: {query}"
    ids = [panel["id"] for panel in panels(dashboard)]
    if len(ids) != len(set(ids)):
        yield "two panels have the same id"
    for panel in panels(dashboard):
        if panel["type"] != "row" and not any(NAME.search(t.get("expr", "")) for t in panel.get("targets", [])):
            yield f"the panel '{panel['title']}' asks for none of our metrics"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    known = catalogue(binary)
    series = series_of(known)
    dashboards = [path for path in files(".json") if path.parts[0] == "grafana"]
    complaints = [f"{path}: {wrong}" for path in dashboards for wrong in wrong_with(path, series)]
    if not dashboards:
        complaints.append("grafana/ has no dashboard")
    asked = {name for path in dashboards for query in strings(json.loads((ROOT / path).read_text(encoding="utf-8")))
             for name, _ in NAME.findall(query)}
    for name in sorted(known):
        if not asked & {name, name + "_bucket", name + "_sum", name + "_count"}:
            complaints.append(f"no panel shows {name}")
    # The rule has to bite: a dashboard of a metric nobody exposes is complained about.
    if not list(wrong_with_query('sum by (modle) (rate(sluice_attempts_total{code="1"}[5m]))', series)) \
            or not list(wrong_with_query("sluice_nothing_total", series)):
        complaints.append("the check itself finds nothing wrong with what is wrong")
    report("dashboards ask for metrics and labels that exist", "a panel without data looks like a healthy gateway",
           complaints)


main()
