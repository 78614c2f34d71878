#!/usr/bin/env python3
"""The Debian package is made by CPack, twice the same, holds what it should, and what is in it works."""
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sources import ROOT, report

BUILD = Path(os.environ.get("SLUICE_BUILD", ROOT / "build/release"))
NEEDED = ("cpack", "dpkg-deb", "dpkg-shlibdeps", "file")
HOLDS = {
    "usr/bin/sluice": 0o755, "lib/systemd/system/sluice.service": 0o644,
    "lib/systemd/system/sluice.socket": 0o644, "etc/sluice/sluice.yaml": 0o644,
    "etc/sluice/prices.yaml": 0o644, "usr/share/man/man1/sluice.1.gz": 0o644,
    "usr/share/bash-completion/completions/sluice": 0o644, "usr/share/zsh/vendor-completions/_sluice": 0o644,
    "usr/share/doc/sluice/README.md": 0o644, "usr/share/doc/sluice/copyright": 0o644,
    "usr/share/doc/sluice/examples/grafana/dashboards/overview.json": 0o644,
    "usr/share/doc/sluice/examples/prometheus/alerts.yaml": 0o644,
}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


def made(folder):
    """The package, as cpack makes it in a folder of its own."""
    done = run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=BUILD,
               env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    found = list(Path(folder).glob("*.deb"))
    if done.returncode or len(found) != 1:
        raise SystemExit(f"cpack: {done.stdout}{done.stderr}")
    return found[0]


def wrong_with_control(folder):
    scripts = {name: (folder / name).read_text(encoding="utf-8") for name in ("postinst", "prerm", "postrm")}
    for name, text in scripts.items():
        if run("sh", "-n", folder / name).returncode or not text.startswith("#!/bin/sh\n") or "\nset -e\n" not in text:
            yield f"{name} is no shell script that ends at the first failure"
    conffiles = set((folder / "conffiles").read_text(encoding="utf-8").split())
    if conffiles != {"/" + name for name in HOLDS if name.startswith("etc/")}:
        yield f"conffiles: {sorted(conffiles)}"
    control = (folder / "control").read_text(encoding="utf-8")
    for wanted in ("libssl3", "libyaml-cpp", "adduser", "ca-certificates"):
        if not re.search(rf"^Depends:.*\b{wanted}", control, re.M):
            yield f"the package does not depend on {wanted}"


def wrong_with_contents(root, binary):
    for name, mode in HOLDS.items():
        path = root / name
        if not path.is_file():
            yield f"there is no /{name}"
        elif path.stat().st_mode & 0o777 != mode:
            yield f"/{name} has mode {path.stat().st_mode & 0o777:o}"
    unit = (root / "lib/systemd/system/sluice.service").read_text(encoding="utf-8")
    for program in re.findall(r"^Exec\w+=(/usr/\S+)", unit, re.M):
        if not (root / program[1:]).exists():
            yield f"the unit starts {program}, which the package does not have"
    if b".TH SLUICE" not in gzip.decompress((root / "usr/share/man/man1/sluice.1.gz").read_bytes()):
        yield "the man page is none"
    packed = root / "usr/bin/sluice"
    if run(packed, "--version").stdout != run(binary, "--version").stdout:
        yield "the program in the package is another one"
    done = run(packed, "check", "--config", root / "etc/sluice/sluice.yaml",
               env={"SLUICE_ADMIN_TOKEN": "one", "OPENAI_API_KEY": "two", "RELAY_API_KEY": "three"})
    if done.returncode:
        yield f"the example configuration: {done.stderr}"


def wrong(binary):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        first, second = made(folder / "one"), made(folder / "two")
        if first.read_bytes() != second.read_bytes():
            yield "the same sources are two packages"
        for option, where in (("-x", "root"), ("-e", "control")):
            done = run("dpkg-deb", option, first, folder / where)
            if done.returncode:
                yield f"dpkg-deb {option}: {done.stderr}"
                return
        yield from wrong_with_control(folder / "control")
        yield from wrong_with_contents(folder / "root", binary)
        if shutil.which("lintian") is None:
            print("not checked: lintian is not installed")
            return
        # A Debug build has what no package would.
        told = run("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", first)
        if told.returncode and "CMAKE_BUILD_TYPE:STRING=Release" in (BUILD / "CMakeCache.txt").read_text(encoding="utf-8"):
            yield f"lintian: {told.stdout}"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or not (BUILD / "CPackConfig.cmake").exists():
        print(f"not checked: {', '.join(missing) or 'the build tree packs nothing'}")
        return
    report("the Debian package holds what it should", "what is missing in it is missed after the installation",
           list(wrong(binary)))


main()
