# Two commands do everything on a fresh Debian or Ubuntu with the Swift toolchain: `make demo` and `make test`.
PREFIX ?= /usr/local
TEST_FLAGS = --explicit-target-dependency-import-check error

.PHONY: demo test build release setup lint format install compare bench example conformance openapi chaos chaos-short simulate fuzz tsan asan clean

demo: setup release
	@scripts/demo

test: setup
	swift build --build-tests $(TEST_FLAGS)
	swift test --skip-build --disable-xctest

setup:
	@scripts/setup

build: setup
	swift build $(TEST_FLAGS)

release: setup
	swift build -c release

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz Examples Benchmarks

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz Examples Benchmarks

install: release
	install -d $(DESTDIR)$(PREFIX)/bin
	install .build/release/wsbroker .build/release/wspub .build/release/wssub .build/release/wsbench \
		$(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/wsbroker/dashboard
	install -m 644 Sources/BrokerServer/Dashboard/* $(DESTDIR)$(PREFIX)/share/wsbroker/dashboard

# Side by side with Mosquitto and NATS; needs `apt-get install g++ mosquitto nats-server`.
compare: release
	../shared/bench/compare --broker .build/release/wsbroker

# What the parts cost, and what one update of an aggregate does: `make bench PARTS="acknowledge 1000"` for some of them.
bench: release
	WSBROKER_BENCHMARKS=1 swift run -c release parts-bench $(PARTS)
	Benchmarks/Allocations/allocations.py --broker .build/release/wsbroker
	swift run -c release --package-path Benchmarks aggregation-bench $(PARTS)

# The broker of one's own, with an aggregator more.
example: setup
	cd Examples/CustomAggregator && swift build --build-tests && swift test --skip-build --disable-xctest

# The Autobahn cases against our transport; prints the table of docs/conformance.md.
conformance: setup
	swift build --product ConformanceEcho
	@scripts/conformance --all

# Asks a broker everything that its description of the HTTP interface allows; needs PyPI, or SCHEMATHESIS.
openapi: setup
	swift build --product wsbroker
	@scripts/check-openapi

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
	rm -rf .build Benchmarks/.build Examples/CustomAggregator/.build .build-tsan .build-asan Fuzz/.build
