"""What cases of every protocol stand on. A case is a public function of a case file; its docstring names the item of the UNH-IOL test
suites that it is about, cites the section of the standard, and says what is expected. It is given the Bench of its protocol."""
import importlib
import inspect
import os
import re

CITATION = re.compile(r"\b(RFC \d+|SAM-\d|SPC-\d|(NVMe|NVM|NVMe-oF|NVMe/TCP) \d\.\d) (annex |appendix |figure )?[\dA-F]", re.S)


class Wrong(Exception):
    """The target did what the standard does not allow: the message says what."""


class NotOffered(Exception):
    """The case is about something that the target did not agree to."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def same(got, wanted, what):
    if got != wanted:
        raise Wrong(f"{what}: {got!r}, not {wanted!r}")


def one_of(got, allowed, what):
    if got not in allowed:
        raise Wrong(f"{what}: {got!r}, not one of {allowed!r}")


def slow(function):
    """A case that waits for the target's own clock: it has a process of its own, and may be left out."""
    function.slow = True
    return function


def family(values):
    """Makes a case of each value: a dictionary from its name to the arguments after the bench."""
    def mark(function):
        function.family = dict(values)
        return function
    return mark


def cases_of(package, groups, prefix=""):
    """All of a package: {name: function of a bench}. A case that does not say what it is about is an error here."""
    found, here = {}, os.path.join(os.path.dirname(__file__), package)
    names = sorted(name[:-3] for name in os.listdir(here) if name.endswith(".py"))
    for group in groups:
        for name in names:
            if name.startswith(group + "_"):
                found.update(cases_of_file(importlib.import_module(f"conformance.{package}.{name}"), prefix + name))
    return found


def cases_of_file(module, name):
    found = {}
    for function in vars(module).values():
        if not inspect.isfunction(function) or function.__module__ != module.__name__ or function.__name__.startswith("_"):
            continue
        if not CITATION.search(function.__doc__ or ""):
            raise ValueError(f"{name}.{function.__name__} cites no standard")
        whole = f"{name}.{function.__name__}"
        values = getattr(function, "family", None)
        if values is None:
            found[whole] = function
        else:
            # Without blanks: names stand in tables and in shells.
            found.update({f"{whole}[{each.replace(' ', '_')}]": bind(function, arguments) for each, arguments in values.items()})
    return found


def bind(function, arguments):
    arguments = arguments if isinstance(arguments, tuple) else (arguments,)

    def bound(bench):
        return function(bench, *arguments)
    bound.__doc__ = function.__doc__
    return bound
