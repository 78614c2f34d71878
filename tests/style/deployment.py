#!/usr/bin/env python3
"""What deploy/ ships is accepted by the programs it is for."""
import json
import os
import re
import shutil
import subprocess
import tempfile

from sources import ROOT, report

MOST_EXPOSED = 2.0  # on systemd-analyze's scale from 0 to 10


def run(*command, **environment):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, **environment})


def haproxy(program):
    done = run(program, "-c", "-f", ROOT / "deploy/balancers/haproxy.cfg",
               BIND="127.0.0.1:8000", GATEWAY_1="127.0.0.1:8081", GATEWAY_2="127.0.0.1:8082")
    return done.stderr if done.returncode or "WARNING" in done.stderr else None


def nginx(program):
    with tempfile.TemporaryDirectory() as directory:
        done = run(program, "-t", "-p", directory, "-g", f"pid {directory}/pid;", "-e", "stderr",
                   "-c", ROOT / "deploy/balancers/nginx.conf")
    return done.stderr if done.returncode or "[warn]" in done.stderr else None


def systemd(program):
    done = run(program, "security", "--offline=yes", "--no-pager", ROOT / "deploy/sluice.service")
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if not found:
        return done.stderr or done.stdout
    return f"exposed at {found[1]}" if float(found[1]) > MOST_EXPOSED else None


def dockerfile(binary):
    """What linters of Dockerfiles ask for, and that the program has the commands the image starts."""
    lines = re.sub(r"\\\n", " ", (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")).split("\n")
    steps = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    last = steps[max(i for i, step in enumerate(steps) if step[0] == "FROM"):]
    if not [step for step in last if step[0] == "USER" and re.fullmatch(r"[1-9]\d*:[1-9]\d*", step[1])]:
        yield "the image does not run as a user without rights, named by number"
    for word, rest in steps:
        if word == "ADD" or (word in ("RUN", "FROM") and re.search(r"\bsudo\b|:latest\b|curl [^|]*\| *(ba)?sh", rest)):
            yield f"{word} {rest}"
        if word in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            words = re.search(r"\[.*\]$", rest)
            if words is None:
                yield f"{word} would need a shell, and the image has none"
            elif word == "HEALTHCHECK" and binary:
                done = run(binary, *json.loads(words[0])[1:], "--help")
                if done.returncode:
                    yield f"the program does not know what {word} asks it: {done.stderr}"
    if not any(step[0] == "HEALTHCHECK" for step in last):
        yield "the image has no HEALTHCHECK"


complaints = [f"Dockerfile: {wrong}" for wrong in dockerfile(os.environ.get("SLUICE_BINARY"))]
for name, check in (("haproxy", haproxy), ("nginx", nginx), ("systemd-analyze", systemd)):
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        print(f"not checked: {name} is not installed")
    elif complaint := check(program):
        complaints.append(f"{name}: {complaint}")
report("what deploy/ ships is accepted by the programs it is for",
       "a file that does not load is found out on the day of the deployment", complaints)
