"""What a query may ask for: the series the binary exposes and their labels."""
import re
import subprocess

NAME = re.compile(r"(?<!:)\b((?:sluice|process|gen_ai)_[a-z0-9_]+)(?:\{([^}]*)\})?")
SELECTOR = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


def catalogue(binary):
    """name -> (type, labels), as `sluice check --print-metrics` prints them."""
    printed = subprocess.run([binary, "check", "--print-metrics"], capture_output=True, text=True, check=True)
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in printed.stdout.splitlines()[2:]]
    return {row[0].strip("`"): (row[1], set(filter(None, re.split(r",\s*", row[2])))) for row in rows}


def series_of(known):
    """What can be asked for: a histogram's three, everything else under its own name. Whose it is, is told by
    the labels that Prometheus adds."""
    series = {}
    for name, (kind, own) in known.items():
        labels = own | {"instance", "job"}
        if kind == "histogram":
            series[name + "_bucket"] = labels | {"le"}
            series[name + "_sum"] = series[name + "_count"] = labels
        else:
            series[name] = labels
    return series


def wrong_with_query(query, series):
    used = [(name, selected or "") for name, selected in NAME.findall(query)]
    for name, selected in used:
        if name not in series:
            yield f"there is no series {name}"
            continue
        for label in SELECTOR.findall(selected):
            if label not in series[name]:
                yield f"{name} has no label {label}"
    of_all = set().union(*(series.get(name, set()) for name, _ in used)) if used else set()
    for group in GROUPING.findall(query):
        for label in filter(None, re.split(r"[,\s]+", group)):
            if used and label not in of_all:
                yield f"none of its metrics has the label {label}"
