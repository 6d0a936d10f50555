.PHONY: help test vet lint check witness lessons races golden gallery bench ci nightly

help: ## list the targets
	@sed -n 's/^\([a-z]*\): ## /  \1	/p' Makefile

test: ## all tests
	go test ./...

vet: ## go vet, and the rules of models (tools/rules)
	go vet ./...
	tool="$$(go -C tools tool -n racevet)" && for m in . witness notebooks; do go -C $$m vet -vettool="$$tool" ./... || exit 1; done

lint: ## staticcheck
	go tool -modfile=tools/go.mod staticcheck ./...

check: ## every variant against its expected verdicts
	go run ./cmd/simrun check

witness: ## released clients under the same search
	go -C witness test ./...

lessons: ## every cell of the notebooks against its stored output
	go -C notebooks test -count=1 ./...

races: ## write RACES.md and docs/races anew
	go run ./cmd/simrun docs

golden: ## write the golden conversations anew; read the difference
	go test ./scenarios -rewrite

gallery: ## draw the figures that the texts show anew
	go test ./figures -run Gallery -gallery write

bench: ## all benchmarks
	go test -run '^$$' -bench . ./...

ci: ## what continuous integration runs
	.ci/run

# The seed is printed: set RAPID_SEED to repeat a night.
RAPID_SEED ?= $(shell date +%s)

nightly: ## many more cases of every rapid test, from a fresh seed
	RAPID_SEED=$(RAPID_SEED) go test -count=1 -timeout=12h \
		$$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | sed -n 's/ .*pgregory.net\/rapid.*//p') \
		-rapid.checks=100000
