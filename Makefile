# make lab     sets up what it needs, then shows the main job: real traffic through the PLAT (STAY=1 leaves it up)
# make test    sets up what it needs, then runs every check and test
# make bench   microbenchmarks; with PEERS="forwarding tayga jool": throughput beside these (docs/guide/peers.md)
# make help    lists the rest
#
# Set-up that is finished is not done again: each step leaves a stamp or its product, and its sources are its
# prerequisites. The package check costs a few milliseconds and installs only what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
export PATH := $(PATH):/usr/sbin:/sbin

JOBS ?= $(shell nproc)
SECONDS ?= 60
STAY ?=

BIN := node_modules/.bin
STAMPS := build/.stamps
REPORTS := build/reports

# Node's own headers, where the installation has them: then nothing is downloaded.
NODE_PREFIX := $(shell dirname "$$(dirname "$$(command -v node)")")
NODE_DIR := $(if $(wildcard $(NODE_PREFIX)/include/node/node_api.h),--nodedir=$(NODE_PREFIX))

CORE_SOURCES := $(shell find native -type f \( -name '*.h' -o -name '*.cpp' \) -not -path 'native/test/*' \
                  -not -path 'native/fuzz/*' -not -path 'native/bench/*' 2>/dev/null)
ALL_NATIVE := $(shell find native -type f \( -name '*.h' -o -name '*.cpp' -o -name 'CMakeLists.txt' \) 2>/dev/null)
TS_SOURCES := $(shell find src -type f -name '*.ts' 2>/dev/null)
LAB_SOURCES := $(shell find lab -type f -name '*.ts' 2>/dev/null)
BENCH_SOURCES := $(shell find bench -type f -name '*.ts' 2>/dev/null)
BENCH_PROGRAMS := $(wildcard native/bench/programs/*.cpp) native/CMakeLists.txt

.PHONY: help setup packages-lab packages-test build lab soak soak-dns64 test test-native test-threads test-big-endian fuzz lint format conformance bench bench-micro bench-throughput \
        bench-dns64 bench-jool packages-bench clean

help:
	@sed -n 's/^#  *\(make .*\)/\1/p' $(MAKEFILE_LIST)
	@printf '%s\n' 'make setup | build | lint | format | test-native | test-threads | test-big-endian | conformance | bench | bench-dns64 | bench-jool | clean' 'make fuzz SECONDS=60'

packages-lab:
	@scripts/setup.sh lab

packages-test:
	@scripts/setup.sh test

packages-bench:
	@scripts/setup.sh bench

setup: packages-test node_modules/.package-lock.json

node_modules/.package-lock.json: package-lock.json | packages-lab
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

build: build/Release/platypus.node $(STAMPS)/typescript $(STAMPS)/lab

# `build`, not `rebuild`: the latter empties build/ first.
build/Release/platypus.node: binding.gyp $(CORE_SOURCES) node_modules/.package-lock.json | packages-lab
	$(BIN)/node-gyp configure $(NODE_DIR) --loglevel=error
	$(BIN)/node-gyp build $(NODE_DIR) --loglevel=error --jobs $(JOBS)
	@touch $@

$(STAMPS)/typescript: $(TS_SOURCES) tsconfig.json tsconfig.build.json node_modules/.package-lock.json
	$(BIN)/tsc -p tsconfig.build.json
	@chmod +x dist/cli/main.js
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/lab: $(LAB_SOURCES) tsconfig.json lab/tsconfig.json node_modules/.package-lock.json
	$(BIN)/tsc -p lab
	@mkdir -p $(STAMPS) && touch $@

lab: build
	@STAY=$(STAY) scripts/in-namespaces.sh node build/lab/main.js

# Two minutes of queries at full load, the resolver gone for a third of it.
soak-dns64: packages-bench build
	@scripts/in-namespaces.sh node build/lab/soak-dns64.js $(DURATION)

# Sessions with short timers while the announcer's event loop has too much to do: an hour, or DURATION seconds.
soak: packages-test build
	@scripts/in-namespaces.sh node build/lab/soak.js $(DURATION)

CMAKE := cmake -DCMAKE_CXX_COMPILER=clang++ -S native -B

$(STAMPS)/native-test: $(ALL_NATIVE) | packages-test
	$(CMAKE) build/native-test -DSANITIZE=ON
	cmake --build build/native-test --parallel $(JOBS) --target platypus_tests
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/fuzz: $(ALL_NATIVE) | packages-test
	$(CMAKE) build/fuzz -DFUZZ=ON
	cmake --build build/fuzz --parallel $(JOBS)
	@mkdir -p $(STAMPS) && touch $@

test-native: $(STAMPS)/native-test
	@scripts/native-test.sh build/native-test/platypus_tests $(REPORTS)/native.tap

$(STAMPS)/threads: $(ALL_NATIVE) | packages-test
	$(CMAKE) build/threads -DTHREADS=ON
	cmake --build build/threads --parallel $(JOBS) --target platypus_thread_tests
	@mkdir -p $(STAMPS) && touch $@

test-threads: $(STAMPS)/threads
	@TSAN_OPTIONS=halt_on_error=1 scripts/native-test.sh build/threads/platypus_thread_tests $(REPORTS)/threads.tap

# Debian's doctest lies among headers that are not for the target: only its folder is shown to the cross compiler.
$(STAMPS)/big-endian: $(ALL_NATIVE) | packages-test
	@mkdir -p build/big-endian/include && ln -sfn /usr/include/doctest build/big-endian/include/doctest
	cmake -S native -B build/big-endian -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=mips \
	  -DCMAKE_CXX_COMPILER=mips-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_BUILD_TYPE=Debug \
	  -DCMAKE_CXX_FLAGS=-O1 -DDOCTEST_INCLUDE_DIR=$(CURDIR)/build/big-endian/include
	cmake --build build/big-endian --parallel $(JOBS) --target platypus_tests
	@mkdir -p $(STAMPS) && touch $@

test-big-endian: $(STAMPS)/big-endian
	@scripts/big-endian-test.sh $(REPORTS)/big-endian.tap

fuzz: $(STAMPS)/fuzz $(STAMPS)/typescript
	@scripts/fuzz.sh build/fuzz $(SECONDS) $(REPORTS)/fuzz.tap

lint: setup
	@scripts/lint.sh $(REPORTS)/lint.tap

format: setup
	$(BIN)/biome check --write .
	find native -name '*.h' -o -name '*.cpp' | xargs clang-format -i

# Each part goes on after a failure of another; the summary decides.
test: setup build $(STAMPS)/bench $(STAMPS)/bench-programs
	@rm -rf $(REPORTS)
	@scripts/test.sh

conformance:
	@node scripts/conformance.mjs $(ARGS)

# Release, with g++ as the addon.
$(STAMPS)/native-bench: $(ALL_NATIVE) | packages-test
	cmake -S native -B build/native-bench
	cmake --build build/native-bench --parallel $(JOBS)
	@mkdir -p $(STAMPS) && touch $@

bench: $(if $(PEERS),bench-throughput,bench-micro)

bench-micro: build $(STAMPS)/native-bench
	@for program in build/native-bench/bench_*; do echo; echo "$${program##*/}"; "$$program"; done
	@echo
	@npm run --silent bench

# What bench/throughput and bench/dns64 run in their namespaces.
$(STAMPS)/bench-programs: $(BENCH_PROGRAMS) | packages-test
	cmake -S native -B build/native-bench
	cmake --build build/native-bench --parallel $(JOBS) --target bench_programs
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/bench: $(BENCH_SOURCES) $(LAB_SOURCES) $(TS_SOURCES) tsconfig.json bench/tsconfig.json node_modules/.package-lock.json
	$(BIN)/tsc -p bench
	@mkdir -p $(STAMPS) && touch $@

# PEERS, OURS, ONLY: names; ROUNDS, SECONDS, RATE: numbers. SECONDS has a value for fuzzing, so it counts only when said.
said = $(if $(filter command line environment override,$(origin $1)),$($1))
bench-throughput: packages-bench build $(STAMPS)/bench $(STAMPS)/bench-programs
	@scripts/in-namespaces.sh node build/bench/bench/throughput/main.js $(if $(PEERS),--peers "$(PEERS)") \
	  $(if $(OURS),--ours "$(OURS)") $(if $(ONLY),--only "$(ONLY)") $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(call said,SECONDS),--seconds $(SECONDS)) $(if $(RATE),--rate $(RATE))

# Beside Unbound and BIND. ROUNDS, SECONDS, NAMES: numbers.
bench-dns64: packages-bench build $(STAMPS)/bench $(STAMPS)/bench-programs
	@scripts/in-namespaces.sh node build/bench/bench/dns64/main.js $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(call said,SECONDS),--seconds $(SECONDS)) $(if $(NAMES),--names $(NAMES))

# Jool, where no module of it can be loaded; each way says itself when it cannot be gone. Built once, below build/jool/.
bench-jool: build
	@status=0; bench/jool/uml.sh || status=$$?; bench/jool/qemu.sh || status=$$?; exit $$status

clean:
	rm -rf build dist node_modules/.package-lock.json
