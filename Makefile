# Two commands do everything on a fresh Debian or Ubuntu with the Swift toolchain: `make demo` and `make test`.
PREFIX ?= /usr/local
TEST_FLAGS = --explicit-target-dependency-import-check error

.PHONY: demo test test-tls build release setup setup-browser lint format install man doc sbom compare bench example conformance browser openapi attack chaos chaos-short simulate fuzz tsan asan clean

demo: setup release
	@scripts/demo

# Sixteen tests at a time: hundreds of brokers at once on two cores take no less time, and make each of them slow.
test: export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 16
test: setup
	swift build --build-tests $(TEST_FLAGS)
	@scripts/test

# The end-to-end tests again, with brokers that serve wss.
test-tls: export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 16
test-tls: setup
	swift build --build-tests $(TEST_FLAGS)
	WSBROKER_TEST_TLS=1 scripts/test --filter EndToEndTests

setup:
	@scripts/setup

setup-browser:
	@scripts/setup browser

build: setup
	swift build $(TEST_FLAGS)

release: setup
	swift build -c release

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz Examples Benchmarks

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz Examples Benchmarks

# Binaries, manual pages and completions; `make install PREFIX=$$HOME/.local` needs no root.
TOOLS = wsbroker wspub wssub wsbench
install: release
	@UNIT_PREFIX="$(PREFIX)" scripts/install "$(DESTDIR)$(PREFIX)" $(TOOLS)

# The manual pages, from the help of the tools, by ArgumentParser's own plugin.
man: setup
	@scripts/manuals $(TOOLS)

# The pages of the Swift client, for a web server or `python3 -m http.server`; a warning is an error.
doc: setup
	WSBROKER_DOCC=1 swift package --allow-writing-to-directory .build/doc generate-documentation \
		--target BrokerClient --warnings-as-errors --transform-for-static-hosting --output-path .build/doc

# What is in it, as SPDX 2.3, for whoever has to know; `scripts/sbom --table` for people.
sbom: setup
	swift package resolve
	@scripts/sbom .build/wsbroker.spdx.json && echo .build/wsbroker.spdx.json

# Side by side with Mosquitto and NATS; needs `apt-get install g++ mosquitto nats-server`.
compare: release
	../shared/bench/compare --broker .build/release/wsbroker

# What the parts cost, and what one update of an aggregate does: `make bench PARTS="acknowledge 1000"` for some of them.
bench: release
	WSBROKER_BENCHMARKS=1 swift run -c release parts-bench $(PARTS)
	Benchmarks/Allocations/allocations.py --broker .build/release/wsbroker
	swift run -c release --package-path Benchmarks aggregation-bench $(PARTS)

# The broker of one's own, with an aggregator more, and programs on the Swift client alone.
example: setup
	cd Examples/CustomAggregator && swift build --build-tests && swift test --skip-build --disable-xctest
	cd Examples/Clients && swift build

# The Autobahn cases against our transport; prints the table of docs/conformance.md.
conformance: setup
	swift build --product ConformanceEcho
	@scripts/conformance --all

# The browser client and the dashboard; see Tests/Browser/README.md.
browser: setup-browser
	swift build --product wsbroker
	WSBROKER=.build/debug/wsbroker node --experimental-websocket --test Tests/Browser/*.test.mjs
	Tests/Browser/browser.py --broker .build/debug/wsbroker

# Asks a broker everything that its description of the HTTP interface allows; Schemathesis comes from PyPI.
openapi: setup
	swift build --product wsbroker
	@scripts/check-openapi

# Attacks a running broker in every way that brokers were attacked before; see Tests/Attack/README.md.
attack: setup
	swift build --product wsbroker
	python3 Tests/Attack/attack.py --broker .build/debug/wsbroker $(ATTACK_FLAGS)

# Kills the broker, cuts its power, fails and fills its disk, moves its clock, and counts; see Tests/Chaos/README.md.
chaos: release
	python3 Tests/Chaos/chaos.py --broker .build/release/wsbroker

# The same within half a minute, with the debug build: what CI runs.
chaos-short: setup
	swift build --product wsbroker
	python3 Tests/Chaos/chaos.py --short --broker .build/debug/wsbroker

# The core and real clients with a simulated network, disk and clock: a life of them for each seed. A seed that fails is
# named, and `SIMULATION_SEED=N make simulate SEEDS=1` runs it again.
simulate: SEEDS ?= 2000
simulate: setup
	swift build --build-tests
	SIMULATION_SEEDS=$(SEEDS) swift test --skip-build --disable-xctest --filter SimulationTests

# Each target of Fuzz/ for a minute; `SECONDS=600 make fuzz` for longer.
fuzz: SECONDS ?= 60
fuzz:
	Fuzz/run --seconds $(SECONDS)

# The suite under the sanitizers, each with a build folder of its own, one test after the other: they are slow.
tsan: setup
	swift build --build-tests --sanitize thread --scratch-path .build-tsan
	TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/tsan-suppressions.txt swift test --skip-build --disable-xctest \
		--no-parallel --sanitize thread --scratch-path .build-tsan

# A process that ends gives nothing back, so what it still holds is no leak; and what is freed is not kept for long,
# because a test bounds the memory.
asan: setup
	swift build --build-tests --sanitize address --scratch-path .build-asan
	ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8 swift test --skip-build --disable-xctest \
		--no-parallel --sanitize address --scratch-path .build-asan

clean:
	rm -rf .build Benchmarks/.build Examples/CustomAggregator/.build Examples/Clients/.build .build-tsan .build-asan Fuzz/.build
