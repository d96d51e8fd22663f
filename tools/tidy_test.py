#!/usr/bin/python3
"""Plants each violation in a tree of its own and sees tools/tidy catch it, and leave the innocent alone."""
import importlib.machinery
import importlib.util
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("tidy", os.path.join(HERE, "tidy"))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
loader.exec_module(tidy)

ROOMS = """# ashlar_room(ghost PARENTS base)
ashlar_room(base LIBS PkgConfig::libisal)
ashlar_room(wire PARENTS base)
ashlar_room(loop PARENTS base LIBS PkgConfig::liburing)
ashlar_room(block PARENTS loop)
ashlar_room(stores PARENTS block)
ashlar_room(layers PARENTS block TEST_PARENTS stores)
ashlar_room(unit PARENTS block)
ashlar_room(rpc PARENTS base)
ashlar_room(engine
  PARENTS unit stores layers wire rpc)
ashlar_room(cli PARENTS rpc base)
"""
BODY = "int f() {\n%s  return 1;\n}\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidy-test-")
        self.addCleanup(shutil.rmtree, self.root)
        self.write("src/CMakeLists.txt", ROOMS)
        for room in "base wire loop block stores layers unit rpc engine cli".split():
            self.write(f"src/{room}/a.h", "#pragma once\n")

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def found(self, name, text, mode=0o644):
        self.write(name, text, mode)
        checked = tidy.Tidy(self.root)
        checked.run()
        self.warned = {line.split(": ")[1] for line in checked.warnings}
        return {line.split(": ")[1] for line in checked.errors}

    def catches(self, rule, name, text, mode=0o644):
        self.assertEqual({rule}, self.found(name, text, mode), text[:200])

    def passes(self, name, text, mode=0o644):
        self.assertEqual(set(), self.found(name, text, mode), text[:200])

    def test_an_innocent_tree(self):
        self.passes("src/base/x.cc", '#include "base/a.h"\n\n#include <vector>\n\n' + BODY % "")

    def test_includes_point_down(self):
        for room, target in [("base", "loop"), ("wire", "loop"), ("loop", "block"), ("block", "stores"),
                             ("stores", "layers"), ("unit", "stores"), ("unit", "wire"), ("rpc", "engine"),
                             ("rpc", "loop"), ("cli", "engine"), ("cli", "loop"), ("stores", "engine")]:
            with self.subTest(room=room, target=target):
                self.catches("include", f"src/{room}/x.h", f'#pragma once\n#include "{target}/a.h"\n')
                os.remove(os.path.join(self.root, f"src/{room}/x.h"))

    def test_includes_of_ancestors(self):
        self.passes("src/engine/x.cc", "".join(f'#include "{room}/a.h"\n' for room in
                                               "base wire loop block stores layers unit rpc engine".split()))
        self.passes("src/cli/x.cc", '#include "base/a.h"\n#include "rpc/a.h"\n')

    def test_tests_may_see_their_test_parents(self):
        self.passes("src/layers/x_test.cc", '#include "stores/a.h"\n')
        self.catches("include", "src/unit/x_test.cc", '#include "stores/a.h"\n')

    def test_includes_that_are_not_room_slash_file(self):
        self.catches("include", "src/base/x.cc", '#include "a.h"\n')
        self.catches("include", "src/base/x.cc", '#include "../wire/a.h"\n')
        self.catches("include", "src/base/x.cc", '#include "nowhere/a.h"\n')
        self.catches("include", "src/base/x.cc", '#include "base/missing.h"\n')

    def test_rooms_in_a_circle(self):
        self.catches("rooms", "src/CMakeLists.txt", ROOMS.replace("ashlar_room(base ", "ashlar_room(base PARENTS loop "))

    def test_a_source_in_no_room(self):
        self.catches("rooms", "src/attic/x.cc", BODY % "")
        os.remove(os.path.join(self.root, "src/attic/x.cc"))
        self.catches("rooms", "src/base/deep/x.cc", BODY % "")

    def test_length_of_files(self):
        self.passes("src/base/x.cc", "int a;\n" * 800)
        self.assertIn("length", self.warned)
        self.catches("length", "src/base/x.cc", "int a;\n" * 801)
        os.remove(os.path.join(self.root, "src/base/x.cc"))
        self.passes("src/base/opcodes.def", "ROW(a)\n" * 900)

    def test_length_of_functions(self):
        self.passes("src/base/x.cc", BODY % ("  g();\n" * 77))
        self.assertIn("function", self.warned)
        self.catches("function", "src/base/x.cc", BODY % ("  g();\n" * 78))
        self.passes("src/base/x.cc", "int f() {  // tidy:allow(function) one table\n" + "  g();\n" * 90 + "}\n")

    def test_length_of_functions_of_many_shapes(self):
        long = "  if (a) { g(); }\n" * 90
        for head in ["A::A(int a) : a_(a), b_{a} {", "template <class T>\nvoid A<T>::f() const noexcept {",
                     "auto f(std::array<int, 2> a = {}) -> int {", "TEST(A, B) {", 'extern "C" int f(int a) {',
                     "namespace a {\nclass B {\n public:\n  int c{1};\n  void f() override {"]:
            with self.subTest(head=head):
                tail = "}\n" * (head.count("{") - head.count("{}") - head.count("{a}") - head.count("{1}"))
                self.catches("function", "src/base/x.cc", head + "\n" + long + tail)

    def test_what_is_no_function(self):
        self.passes("src/base/x.cc", "namespace a {\n" + "int f(int a);\n" * 90 + "}  // namespace a\n")
        self.passes("src/base/x.cc", "class A {\n" + "  void f(int a) { g(a); }\n" * 90 + "};\n")
        self.passes("src/base/x.cc", "const int a[] = {\n" + "  f(1),\n" * 90 + "};\n")
        self.passes("src/base/x.cc", "/* int f() {\n" + "\n" * 90 + "} */\n")

    def test_headers(self):
        self.catches("pragma-once", "src/base/x.h", "int a;\n")
        self.passes("src/base/x.h", "#pragma once\n" + "int a;\n" * 200)
        self.assertIn("header", self.warned)

    def test_the_waist(self):
        self.catches("waist", "src/block/device.h", "#pragma once\n" + "int a;\n" * 100)
        os.remove(os.path.join(self.root, "src/block/device.h"))
        self.catches("waist", "src/block/request.h", "#pragma once\n" + "int a;\n" * 100)
        os.remove(os.path.join(self.root, "src/block/request.h"))
        self.write("src/stores/null.h", "#pragma once\n" + "int a;\n" * 20)
        self.passes("src/stores/null.cc", "int a;\n" * 58)
        self.catches("waist", "src/stores/null.cc", "int a;\n" * 59)

    def test_banned_shapes(self):
        for rule, line in [("goto", "goto out;"), ("using-std", "using namespace std;"),
                           ("co-await", "co_await f({1, 2});"), ("co-await", "co_await f([x] { return x; });"),
                           ("co-await", "auto a = co_await g.f(b, {.c = 1});"), ("co-await", "co_await f(\n [&] {});"),
                           ("exceptions", "throw 1;"), ("exceptions", "try { g(); } catch (...) {}")]:
            with self.subTest(line=line):
                self.catches(rule, "src/base/x.cc", BODY % f"  {line}\n")

    def test_innocent_shapes(self):
        for line in ["// goto is banned; so is throw", 'log("try { } goto throw");', "co_await f(a[1], b(2));",
                     "co_await sleep(1); int a[] = {1};", "using namespace std::chrono_literals;", "retry();",
                     "const char c = '\"'; g('{');", 'auto r = R"(goto { throw)";', "const int a = 1'000'000;"]:
            with self.subTest(line=line):
                self.passes("src/base/x.cc", BODY % f"  {line}\n")

    def test_exceptions_elsewhere(self):
        self.passes("src/cli/x.cc", BODY % "  try { g(); } catch (...) {}\n")
        self.passes("src/base/x_test.cc", BODY % "  throw 1;\n")

    def test_no_system_above_loop(self):
        for rule, line in [("os", "::read(fd, a, 1);"), ("os", "::write(fd, a, 1);"), ("os", "::open(a, 0);"),
                           ("os", "const int s = socket(AF_INET, 0, 0);"), ("os", "::socket(a, b, c);"),
                           ("clock", "usleep(1);"), ("clock", "auto t = std::chrono::system_clock::now();"),
                           ("clock", "auto t = std::chrono::steady_clock::now();"), ("clock", "auto t = time(nullptr);"),
                           ("clock", "auto t = std::time(0);"), ("thread", "std::thread t(g);"),
                           ("chance", "auto r = rand();"), ("chance", "getrandom(a, 1, 0);"),
                           ("chance", "std::random_device d;")]:
            for room in ("block", "unit"):
                with self.subTest(room=room, line=line):
                    self.catches(rule, f"src/{room}/x.cc", BODY % f"  {line}\n")
                    os.remove(os.path.join(self.root, f"src/{room}/x.cc"))
            with self.subTest(line=line):
                self.passes("src/loop/x.cc", BODY % f"  {line}\n")
                os.remove(os.path.join(self.root, "src/loop/x.cc"))

    def test_what_only_looks_like_the_system(self):
        for line in ["file.read(a);", "Reader::read(a);", "loop::connect(a);", "auto s = peer.socket(a);", "timer->time(0);",
                     "operand(1);", "clock.time(a);", "std::chrono::milliseconds m{1};"]:
            with self.subTest(line=line):
                self.passes("src/block/x.cc", BODY % f"  {line}\n")

    def test_an_excuse_needs_a_reason(self):
        self.passes("src/unit/x.cc", BODY % "  usleep(1);  // tidy:allow(clock) only here\n")
        self.catches("clock", "src/unit/x.cc", BODY % "  usleep(1);  // tidy:allow(clock)\n")
        self.catches("clock", "src/unit/x.cc", BODY % "  usleep(1);  // tidy:allow(os) another rule\n")

    def test_leftovers(self):
        for word in ("TODO", "FIXME", "XXX", "HACK"):
            self.catches("leftover", "src/base/x.cc", f"// {word}: later\n")
            self.catches("leftover", "docs/x.md", f"{word}\n")
            os.remove(os.path.join(self.root, "docs/x.md"))
        self.passes("src/base/x.cc", 'const char* a = "/tmp/x.XXXXXX";  // see HACKING.md\n')

    def test_blanks_tabs_and_columns(self):
        self.catches("tab", "src/base/x.cc", "int\ta;\n")
        self.catches("blanks", "src/base/x.cc", "int a; \n")
        self.catches("blanks", "src/base/x.cc", "int a;\r\n")
        self.catches("end", "src/base/x.cc", "int a;")
        self.catches("columns", "src/base/x.cc", "// " + "a" * 138 + "\n")
        os.remove(os.path.join(self.root, "src/base/x.cc"))
        self.passes("Makefile", "a:\n\tb\n")
        self.passes("docs/x.md", "| " + "a" * 200 + "\n")

    def test_names_of_machines(self):
        self.catches("machine", "tools/x.py", "a = '/work" + "/main'\n")
        self.passes("tools/x.py", "a = 'net/work" + "/main'\n")

    def test_modes_and_sizes(self):
        self.catches("mode", "src/base/x.cc", "int a;\n", 0o755)
        self.catches("mode", "src/base/x.cc", "#!/bin/sh\n", 0o644)
        self.passes("src/base/x.cc", "int a;\n")
        self.passes("tools/x", "#!/bin/sh\n", 0o755)
        self.catches("size", "docs/x.bin", "a" * ((1 << 20) + 1))

    def test_links(self):
        self.write("docs/b.md", "b\n")
        self.passes("docs/a.md", "[b](b.md) [b](b.md#top) [c](#c) [d](https://a.b/c) [r](../src/base/a.h) [s](../src)\n")
        self.catches("link", "docs/a.md", "[b](c.md)\n")
        self.passes("docs/a.md", "```\n[b](c.md)\n```\n`[b](c.md)`\n")

    def test_inputs_of_fuzzers_are_what_they_are(self):
        self.passes("fuzz/corpus/x/1", "TODO \t ")


if __name__ == "__main__":
    runner = unittest.TextTestRunner(verbosity=1)
    done = runner.run(unittest.defaultTestLoader.loadTestsFromTestCase(TidyTest))
    bad = len(done.failures) + len(done.errors)
    print(f"tidy_test: {done.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
