#!/usr/bin/env python3
"""The man page and the shells' completions name what `sluice --help` names: all commands, all options. --write makes
them again."""
import os
import re
import subprocess
import sys
from pathlib import Path

from sources import ROOT, files, report, text

FOLDER = ROOT / "deploy/shell"
OPTION = re.compile(r"^  (?:(-\w),)?(--?[\w-]+)(?:,(--[\w-]+))?(.*)$")


class Command:
    """One command and those below it, as their --help tells them."""

    def __init__(self, binary, *words):
        self.words = words
        told = subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True).stdout
        head, _, rest = told.partition("\n\n")
        self.about = head.split("\n")[0].rstrip(".:")
        self.usage = re.search(r"^Usage: (.*)$", told, re.M)[1]
        self.positionals = self._entries(rest, "Positionals")
        self.options = [self._option(*entry) for entry in self._entries(rest, "Options")]
        self.after = self._after(rest)
        self.below = [Command(binary, *words, name) for name, _ in self._entries(rest, "Subcommands")]

    @staticmethod
    def _entries(text, title):
        block = re.search(rf"^{title}:\n((?:  .*\n?)+)", text, re.M)
        found = []
        for line in block[1].splitlines() if block else ():
            if line.startswith("        "):
                found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
            else:
                # What is long has its description on the next line.
                words, _, meaning = line.strip().partition("  ")
                found.append((words, meaning.strip()))
        return found

    @staticmethod
    def _option(words, meaning):
        names, _, value = words.partition(" ")
        # CLI11 writes a default behind the type.
        return names.split(","), re.sub(r" ?REQUIRED| ?\.\.\.", "", value), meaning

    @staticmethod
    def _after(text):
        """What stands below the lists: paragraphs of words."""
        paragraphs = re.split(r"\n\n", text.strip())
        return [p for p in paragraphs if not re.match(r"(Positionals|Options|Subcommands):\n", p) and "tells more" not in p]

    def all(self):
        yield self
        for command in self.below:
            yield from command.all()

    def find(self, *words):
        return next(command for command in self.all() if command.words == words)


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return re.sub(r"^(['.])", r"\\&\1", text, flags=re.M)


def man_page(root):
    lines = ['.TH SLUICE 1 "" "" "User Commands"', ".SH NAME", "sluice \\- " + roff("an LLM gateway"), ".SH SYNOPSIS",
             ".B sluice", ".I COMMAND", ".RI [ OPTIONS ]", ".SH DESCRIPTION", roff(root.about) + ".",
             "The configuration is in YAML;", ".B sluice check", "tells all that is wrong with a file at once.",
             ".SH OPTIONS"]
    lines += options_of(root)
    lines.append(".SH COMMANDS")
    for command in root.all():
        if command is root:
            continue
        lines += [".SS " + roff(" ".join(("sluice",) + command.words)), roff(command.about) + ".", ".PP",
                  ".B " + roff(command.usage)]
        for name, meaning in command.positionals:
            lines += [".TP", ".I " + roff(re.sub(r" REQUIRED", "", name)), roff(meaning)]
        lines += options_of(command)
        for paragraph in command.after:
            lines += [".PP", ".nf", roff(paragraph), ".fi"]
    lines += [".SH EXIT STATUS", ".TP", "0", "fine", ".TP", "1", "failed at run time", ".TP", "2",
              "bad usage or configuration",
              ".SH ENVIRONMENT", ".TP", ".B SLUICE_ADMIN_TOKEN", "the admin API's token, for", ".B sluice ctl",
              ".SH FILES", ".TP", ".I /etc/sluice/sluice.yaml", "the configuration", ".TP", ".I /etc/sluice/environment",
              "secrets that the configuration takes as ${NAME}, one NAME=value a line", ".TP", ".I /var/lib/sluice",
              "live changes, usage and the audit log"]
    return "\n".join(lines) + "\n"


def options_of(command):
    for names, value, meaning in command.options:
        if "--help" in names and command.words:
            continue
        yield ".TP"
        yield ".BR " + roff(", ".join(names)).replace(" ", "\\ ") + (f' " {roff(value)}"' if value else "")
        yield roff(meaning)


def flags(command):
    return [name for names, _, _ in command.options for name in names]


def bash(root):
    """Words by what has been typed of commands; options of all commands on the way."""
    lines = ["# bash completion for sluice; made by tests/style/help_pages.py --write", "_sluice() {",
             "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path='' each words", "    COMPREPLY=()",
             "    case $before in",
             "        --config | -c | --token-file | --file | -f | --from | --try | --apply | --state)",
             "            mapfile -t COMPREPLY < <(compgen -f -- \"$word\")", "            return ;;", "    esac",
             "    for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do", "        case \"$path $each\" in"]
    names = [" ".join(c.words) for c in root.all() if c.words]
    lines += [f"            ' {name}') path=' {name}' ;;" for name in names]
    lines += ["        esac", "    done", "    case $path in"]
    for command in root.all():
        words = [c.words[-1] for c in command.below] + flags(command) + (flags(root.find("ctl")) if command.words[:1] == ("ctl",) else [])
        path = " " + " ".join(command.words) if command.words else ""
        lines.append(f"        '{path}') words='{' '.join(dict.fromkeys(words))}' ;;")
    lines += ["    esac", "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")", "}", "complete -F _sluice sluice"]
    return "\n".join(lines) + "\n"


def zsh(root):
    def quoted(text):
        return text.replace("'", "'\\''").replace(":", "\\:")
    lines = ["#compdef sluice", "# made by tests/style/help_pages.py --write", "_sluice() {", "    local path='' each",
             "    local -a entries", "    case ${words[CURRENT-1]} in",
             "        --config | -c | --token-file | --file | -f | --from | --try | --apply | --state) _files; return ;;", "    esac",
             "    for each in ${words[2,CURRENT-1]}; do", "        case \"$path $each\" in"]
    lines += [f"            ' {' '.join(c.words)}') path=' {' '.join(c.words)}' ;;" for c in root.all() if c.words]
    lines += ["        esac", "    done", "    case $path in"]
    for command in root.all():
        path = " " + " ".join(command.words) if command.words else ""
        entries = [f"'{c.words[-1]}:{quoted(c.about)}'" for c in command.below]
        more = root.find("ctl").options if command.words[:1] == ("ctl",) and len(command.words) > 1 else []
        entries += [f"'{name}:{quoted(meaning)}'" for names, _, meaning in [*command.options, *more] for name in names]
        lines.append(f"        '{path}') entries=({' '.join(dict.fromkeys(entries))}) ;;")
    lines += ["    esac", "    _describe -t words sluice entries", "}", "_sluice \"$@\""]
    return "\n".join(lines) + "\n"


def unknown(root):
    """Commands and options the documents name and the program lacks."""
    for path in files(".md"):
        for line in re.findall(r"(?:^|`|do |/)sluice ((?:ctl|check|serve|key|ledger|simulate|demo)\b[^`|\n#]*)", text(path), re.M):
            words, command = line.split(), root
            skipped = {"--admin", "--token-file"}
            given = [w for i, w in enumerate(words) if w not in skipped and (i == 0 or words[i - 1] not in skipped)]
            for word in given:
                below = next((c for c in command.below if c.words[-1] == word), None)
                if below is None:
                    if command.below and not word.startswith("-") and re.fullmatch(r"[a-z]+", word):
                        yield f"{path}: there is no `sluice {line.strip()}`"
                    break
                command = below
            known = set(flags(command)) | set(flags(root.find("ctl")))
            for flag in re.findall(r"(?<!\S)--[a-z-]+", line):
                if flag not in known:
                    yield f"{path}: `sluice {line.strip()}`: there is no {flag}"


def main():
    binary = os.environ.get("SLUICE_BINARY")
    if not binary or not Path(binary).exists():
        sys.exit("SLUICE_BINARY does not name the built sluice")
    root = Command(binary)
    complaints = []
    for name, make in (("sluice.1", man_page), ("sluice.bash", bash), ("_sluice", zsh)):
        path, wanted = FOLDER / name, make(root)
        if "--write" in sys.argv[1:]:
            path.write_text(wanted, encoding="utf-8")
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            complaints.append(f"deploy/shell/{name} is not what --help says: run tests/style/help_pages.py --write")
    if not {"serve", "ctl canary", "ctl rollout start"} <= {" ".join(c.words) for c in root.all()} \
            or "--config" not in flags(root.find("serve")):
        complaints.append("the check itself does not find the commands")
    complaints += unknown(root)
    report("man page and completions are what --help says", "an option nobody can find is not there", complaints)


main()
