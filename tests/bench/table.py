"""The rounds as Markdown: medians, and ratios of the same round."""

from statistics import median


def heading(head):
    versions = ", ".join(f"{name} {version}" for name, version in head["versions"].items())
    lines = ["# Sluice and others, side by side", "", f"Commit {head['commit']}, {head['date']}, "
             f"{head['machine']}. {versions or 'No proxy found'}."]
    lines += [f"Left out: {reason}." for reason in head["left_out"]]
    return "\n".join(lines)


def _rows(headings, rows):
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _number(value, digits=2):
    return f"{value:,.{digits}f}"


def _ratio(rounds, name, peer):
    """Median over rounds of this proxy's CPU by its peer's in the same round."""
    ratios = [r[name]["cpu_us"] / r[peer]["cpu_us"] for r in rounds if peer in r and r[peer]["cpu_us"] > 0]
    return _number(median(ratios)) if ratios else "–"


def _memory(rounds, names):
    rows = [[name, _number(median(r[name]["kib_each"] for r in rounds)),
             _number(median(r[name]["resident_kib"] for r in rounds) / 1024, 1)] for name in names]
    return _rows(["proxy", "KiB resident each", "MiB resident in all"], rows)


def _timing(record, rounds, names):
    unit = record["unit"]
    rows = []
    for name in names:
        def middle(key, name=name):
            return median(r[name][key] for r in rounds)

        calls = record["syscalls"].get(name)
        row = [name]
        if name == "direct":
            row += ["–"] * 6
        else:
            row += [
                _number(middle("cpu_us")), _number(min(r[name]["cpu_us"] for r in rounds)),
                _ratio(rounds, name, "nginx"), _ratio(rounds, name, "HAProxy"),
                f"{calls['each']:.2f} ({calls['method']})" if calls else "–", _number(middle("switches"))]
        row += [_number(middle("per_second"), 0), _number(middle("p50"), 0), _number(middle("p99"), 0),
                _number(middle("p99.9"), 0), _number(middle("first_byte_p50"), 0)]
        if unit == "event":
            row += [_number(middle("per_read")), str(sum(r[name]["stalls"] for r in rounds))]
        row.append("–" if name == "direct" else _number(middle("resident_kib") / 1024, 1))
        rows.append(row)
    headings = ["proxy", f"CPU µs/{unit}, median", "least", "× nginx", "× HAProxy", f"system calls/{unit}",
                f"switches/{unit}", f"{unit}s/s", "p50 µs", "p99 µs", "p99.9 µs", "first byte p50 µs"]
    if unit == "event":
        headings += ["events/read", "stalls"]
    return _rows([*headings, "MiB resident"], rows)


def _added(rounds, names):
    """Latency on top of the direct run of the same round."""
    rows = [[name, *(_number(median(r[name][q] - r["direct"][q] for r in rounds), 0)
                     for q in ("p50", "p99", "p99.9"))] for name in names if name != "direct"]
    return _rows(["added to direct, µs", "p50", "p99", "p99.9"], rows)


def _workers(rounds, names):
    one = next((name for name in names if "workers" not in name), None)
    lines = []
    for name in names:
        if one is None or name == one:
            continue
        workers = int(name.split()[1])
        capacity = median(workers * r[one]["cpu_us"] / r[name]["cpu_us"] for r in rounds)
        shares = [median(r[name]["busiest_threads"][i] for r in rounds) for i in range(workers)]
        lines.append(
            f"{name}: {capacity:.2f} × the capacity of one by CPU accounting; the busiest threads had "
            + " and ".join(f"{share:.0%}" for share in shares) + " of the CPU time.")
    return "\n".join(lines)


def scenario(record):
    rounds = record["rounds"]
    rejected = len(record["rejected"])
    lines = ["", f"## {record['scenario']}: {record['title']}", ""]
    if not rounds and rejected:
        rounds = [round_["figures"] for round_ in record["rejected"]]
        lines += ["**The machine was busy: every round was disturbed, and these are the disturbed ones. "
                  "They are not to be quoted.**", ""]
    if not rounds:
        return "\n".join([*lines, "Nothing to measure: " + "; ".join(record["left_out"]) + "."])
    names = list(rounds[0])
    if "kib_each" in rounds[0][names[0]]:
        lines.append(_memory(rounds, names))
    else:
        lines.append(_timing(record, rounds, names))
        if "direct" in names and len(names) > 1:
            lines += ["", _added(rounds, names)]
        if any("workers" in name for name in names):
            lines += ["", _workers(rounds, names)]
    lines += ["", f"Rounds {len(record['rounds'])}, rejected {rejected}; proxy on CPU {record['proxy_cpus']}, "
              f"load and mock on CPU {record['load_cpus']}."]
    lines += [f"Rejected: {round_['why']}." for round_ in record["rejected"]]
    return "\n".join(lines)
