# The doors. Everything is done by the scripts named here; this file only gives them short names.
.PHONY: run build test bench soak fuzz tidy fmt clean conformance lab e2e

run: ## build what ships and start it
	@tools/setup run
	@tools/build release programs
	@exec tools/run $(ARGS)

build: ## build what ships, and its tests when the test packages are there
	@tools/setup build
	@tools/build release

test: ## everything that must pass before a change is sent; STAGES="unit e2e" for a part of it
	@tools/test

bench: ## build and run the benchmarks
	@tools/setup bench
	@tools/build release benches programs
	@if [ -x bench/run ]; then bench/run $(ARGS); \
	else for b in build/bin/*_bench; do [ -x "$$b" ] || continue; echo "== $$b"; "$$b" $(ARGS) || exit 1; done; fi

soak: ## many seeds and bad requests: make soak SEEDS=100000 FUZZ_REQUESTS=10000000 SOCKET_FUZZ_SECONDS=1800
	@STAGES=soak SEEDS=$(or $(SEEDS),100000) tools/test

fuzz: ## each fuzzer for FUZZ_SECONDS (60)
	@STAGES=fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) tools/test

tidy: ## the style guide, as a test
	@tools/tidy

fmt: ## clang-format over our C++
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs -r clang-format-19 -i

conformance: ## our own cases, then iscsi-test-cu; the last line is that of iscsi-test-cu's 230 tests
	@rm -f build/log/tests-conformance-run.log; STAGES=conformance tools/test; code=$$?; \
	grep -h ' of [0-9]* pass, ' build/log/tests-conformance-run.log | tail -1; exit $$code

lab e2e:
	@STAGES=$@ tools/test

clean:
	@rm -rf build build-debug build-asan build-tsan build-fuzz build-coverage
