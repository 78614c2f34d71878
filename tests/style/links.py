#!/usr/bin/env python3
"""Links of the documents lead to files and headings that exist."""
import re

from sources import ROOT, files, report, text

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path):
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(path), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


complaints = []
for path in files(".md"):
    body = re.sub(r"```.*?```", "", text(path), flags=re.S)
    for link in LINK.findall(body):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / path.parent / name).resolve() if name else ROOT / path
        if not target.exists():
            complaints.append(f"{path}: {link}: no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.relative_to(ROOT)):
            complaints.append(f"{path}: {link}: no such heading")
    # Folders and files the text names in backquotes.
    for name in re.findall(r"`((?:src|include|tests|deploy|grafana)/[\w./-]*)`", body):
        if not (ROOT / name).exists():
            complaints.append(f"{path}: `{name}` does not exist")
report("what the documents link to exists", "a reader who follows a dead link stops reading", complaints)
