#!/usr/bin/env python3
"""Words that are not used, each with its reason. An exception says why on the spot: `// exception: ...`."""
import re

from sources import code_only, excused, files, report, text

# pattern, where (a regular expression on the path), why
IN_CODE = [
    (r"\bdetached\b", r"^(src|include|tests)/",
     "a task nobody owns cannot be drained and its exception is lost: spawn it through a gate"),
    (r"\bshared_from_this\b", r"^(src|include|tests)/",
     "it hides who owns the object: one owner, and a spawned coroutine takes what it needs by value"),
    (r"parser\.get\(\)", r"^(src|include)/",
     "reading into the message builds a parser of its own, so the body limit set on this one is ignored"),
    (r"(clock|steady)::now\s*\(", r"^(src|include/sluice)/(policy|http|wire)/",
     "decisions are told `now`, so that a test can choose it"),
    (r"\bsleep_(for|until)\b|\bu?sleep\s*\(", r"^tests/",
     "a test that sleeps is slow when it passes and wrong when the machine is: wait for the event"),
    (r"\bgetenv\b", r"^(src|include/sluice)/(?!config/)",
     "the environment is input: config/ reads it, complains about it, and hands it on"),
    (r"\busing namespace std;", r"^(src|include|tests)/", "every name of std becomes ours"),
]
# The patterns are spelled so that they do not match themselves.
EVERYWHERE = [
    (r"\b(TO[D]O|FIX[M]E|X[X]X)\b", "", "what is missing stands in the README, not in the code"),
    (r"(?<![\w.])/(w[o]rk|ho[m]e|ro[o]t)/\w|/tmp/b[u]ild", "", "the path of one machine works on that machine"),
    (r"p[y]pi\.(org|python)|pythonh[o]sted|npm[j]s\.|yar[n]pkg\.|crat[e]s\.io|gh[c]r\.io|dock[e]r\.io"
     r"|qu[a]y\.io|proxy\.g[o]lang|d[e]bian\.org|conan[.]io", "",
     "which registry or mirror is used is the machine's setting, not the project's"),
]

complaints = []
for path in files():
    source = text(path)
    lines = source.split("\n")
    code = code_only(source).split("\n") if path.suffix in (".hpp", ".cpp") else []
    for rules, body in ((IN_CODE, code), (EVERYWHERE, lines)):
        for pattern, where, why in rules:
            if not re.search(where, str(path)):
                continue
            for i, line in enumerate(body):
                if re.search(pattern, line) and not excused(lines, i):
                    complaints.append(f"{path}:{i + 1}: {lines[i].strip()[:100]}\n    {why}")
report("banned words do not occur", "each line below says its own reason", complaints)
