# Two commands do everything on a fresh Debian or Ubuntu with the Swift toolchain: `make demo` and `make test`.
PREFIX ?= /usr/local
TEST_FLAGS = --explicit-target-dependency-import-check error

.PHONY: demo test build release setup lint format install compare conformance fuzz tsan asan clean

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
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz

install: release
	install -d $(DESTDIR)$(PREFIX)/bin
	install .build/release/wsbroker .build/release/wspub .build/release/wssub $(DESTDIR)$(PREFIX)/bin

# Side by side with Mosquitto and NATS; needs `apt-get install g++ mosquitto nats-server`.
compare: release
	../shared/bench/compare --broker .build/release/wsbroker

# The Autobahn cases against our transport; prints the table of docs/conformance.md.
conformance: setup
	swift build --product ConformanceEcho
	@scripts/conformance --all

# Each target of Fuzz/ for a minute; `SECONDS=600 make fuzz` for longer.
fuzz: SECONDS ?= 60
fuzz:
	Fuzz/run --seconds $(SECONDS)

clean:
	rm -rf .build Fuzz/.build
