"""Reads the text format of Prometheus (version 0.0.4), as strictly as its page says, and what is good manners besides."""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Wrong(Exception):
    pass


def labels_of(text, line):
    labels, rest = {}, text
    while rest:
        found = LABEL.match(rest)
        if not found:
            raise Wrong(f"labels: {line}")
        if found.group(1) in labels:
            raise Wrong(f"label {found.group(1)} twice: {line}")
        labels[found.group(1)] = found.group(2)
        rest = rest[found.end():]
    return labels


class Exposition:
    """families: name -> (type, {(sample name, sorted labels): value}), in the order of the text."""

    def __init__(self, text):
        self.families, self.help = {}, {}
        current = None
        if not text.endswith("\n"):
            raise Wrong("the last line has no end")
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                if name in self.help:
                    raise Wrong(f"HELP twice: {name}")
                self.help[name] = words
            elif line.startswith("# TYPE "):
                _, _, current, kind = line.split(" ")
                if kind not in TYPES or current in self.families or current not in self.help:
                    raise Wrong(f"TYPE twice, unknown, or without its HELP before: {line}")
                self.families[current] = (kind, {})
            elif line.startswith("#") or not line:
                raise Wrong(f"neither help, type nor sample: {line}")
            else:
                self.sample(current, line)
        self.check()

    def sample(self, family, line):
        found = re.fullmatch(rf"({NAME.pattern})(?:{{(.*)}})? (\S+)", line)
        if not found or family is None:
            raise Wrong(f"no sample, or before its TYPE: {line}")
        name, labels, value = found.group(1), labels_of(found.group(2) or "", line), float(found.group(3))
        kind, samples = self.families[family]
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        if name not in [family + suffix for suffix in suffixes]:
            raise Wrong(f"a sample of another family than {family}: {line}")
        key = (name, tuple(sorted(labels.items())))
        if key in samples:
            raise Wrong(f"twice: {line}")
        samples[key] = value

    def check(self):
        for name, (kind, samples) in self.families.items():
            if not samples:
                raise Wrong(f"{name} has no samples")
            if (kind == "counter") != name.endswith("_total"):
                raise Wrong(f"{name} is a {kind}")
            if kind in ("counter", "histogram") and any(value < 0 or math.isnan(value) for value in samples.values()):
                raise Wrong(f"{name} is below zero, or no number")
            if kind == "histogram":
                self.check_histogram(name, samples)

    def check_histogram(self, name, samples):
        series = {}
        for (sample, labels), value in samples.items():
            rest = tuple(pair for pair in labels if pair[0] != "le")
            mine = series.setdefault(rest, {"buckets": []})
            if sample == f"{name}_bucket":
                mine["buckets"].append((float(dict(labels)["le"]), value))
            else:
                mine[sample[len(name):]] = value
        for labels, mine in series.items():
            where = f"{name}{dict(labels)}"
            bounds, counts = zip(*mine["buckets"]) if mine["buckets"] else ((), ())
            if list(bounds) != sorted(set(bounds)) or list(counts) != sorted(counts):
                raise Wrong(f"{where}: buckets must rise: {mine['buckets']}")
            if not bounds or bounds[-1] != math.inf or counts[-1] != mine.get("_count") or "_sum" not in mine:
                raise Wrong(f"{where}: +Inf must be last and as large as _count, and there must be a _sum: {mine}")

    def value(self, name, **labels):
        """The one sample of this name with these labels, whatever others it has; None: there is none."""
        for _, samples in self.families.values():
            for (sample, pairs), value in samples.items():
                if sample == name and labels.items() <= dict(pairs).items():
                    return value
        return None
