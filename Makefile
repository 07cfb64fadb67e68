# Each target is a stage of the gate (.ci/run) or one plain command.

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "%-10s %s\n", $$1, $$2}' Makefile

build: ## build the programs into bin/
	CGO_ENABLED=0 go build -o bin/ ./cmd/...

test: ## run the tests
	go test ./...

race: ## run the tests of packages with goroutines or unsafe memory under the race detector
	.ci/run race

lint: ## gofmt, go vet and golangci-lint
	.ci/run format vet lint

cover: ## print the coverage of each package and of all
	go test -coverprofile=cover.prof ./... && go tool cover -func=cover.prof | tail -n 1

FUZZTIME ?= 20s
fuzz: ## run every fuzz target for FUZZTIME (20s)
	@grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for f in $$(grep -hoE '^func Fuzz\w+' $$dir/*_test.go | cut -d' ' -f2); do \
			echo "$$dir $$f"; go test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) $$dir || exit 1; \
		done; \
	done

BENCH ?= .
bench: ## run the benchmarks that match BENCH (all), ten times, for benchstat
	mkdir -p .cache
	go test -run='^$$' -bench='$(BENCH)' -count=10 ./... | tee .cache/bench.txt
	go -C tools tool benchstat $(CURDIR)/.cache/bench.txt

shape: ## print file and function sizes; fail where one is too large
	.ci/run shape

generate: ## write the assembly of cpu/kernel anew
	go generate ./cpu/kernel

ci: ## everything that must hold before a merge
	.ci/run

.PHONY: help build test race lint cover fuzz bench shape generate ci
