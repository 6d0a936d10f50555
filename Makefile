.PHONY: help test lint check witness lessons races golden gallery mutants bench module page workshop ci nightly

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1	/p' Makefile

test: ## all tests
	go test ./...

# The tag is that of a test of witness/conform which not every release can be built with.
lint: ## go vet, staticcheck and the rules of models (tools/rules)
	lint="$$(go -C tools tool -n lint)" && for m in . witness witness/kafka witness/conform notebooks tools; do (cd $$m && GOFLAGS="$$GOFLAGS -tags=epochs" "$$lint" ./...) || exit 1; done && cd fleet && "$$lint" .

check: ## every variant against its expected verdicts
	go run ./cmd/simrun check

witness: ## released clients under the search, and the models against them
	go -C witness test -count=1 -timeout=2h ./cmd/witness -run "Releases|BrokerInMemory" -releases
	go -C witness/conform test ./...
	go -C witness run ./cmd/witness table -runs 100 -save ../scenario/witnessed.jsonl $(SARAMA:%=sarama@v%)
	go -C witness run ./cmd/witness table -runs 100 -save ../scenario/witnessed.jsonl $(FRANZ_GO:%=franz-go@v%)
	go -C witness run ./cmd/witness table -runs 100 -save ../scenario/witnessed.jsonl kafka-go@v0.4.51
	go run ./cmd/simrun docs

# witness table goes on where it was interrupted: it asks no release again that
# scenario/witnessed.jsonl has.
SARAMA = 1.37.2 1.38.1 1.39.0 1.40.1 1.41.3 1.42.2 1.43.0 1.43.1 1.43.2 1.43.3 1.45.2 1.46.2 1.46.3 1.47.0 1.48.0 1.49.0 1.50.3 1.60.0 1.60.2 1.61.1
FRANZ_GO = 1.15.4 1.16.1 1.17.1 1.18.1 1.19.5 1.20.7 1.21.3 1.21.7 1.22.2 1.22.3

lessons: ## every cell of the notebooks against its stored output
	go -C notebooks test -count=1 ./...

races: ## write RACES.md, docs/races, docs/specification.md and README.md's table of symptoms anew
	go run ./cmd/simrun docs

page: ## build the lab as a page: dist/lab.html in one file, dist/ for a static host
	go run ./web

golden: ## write the golden conversations and outputs anew; read the difference
	go test ./scenarios -rewrite
	go test ./properties -run TestWorkStays -rewrite
	go test ./simrun -run 'TestBadInput$$|TestPlay$$|TestJSONFollowsItsSchema' -rewrite

gallery: ## draw the figures that the texts show anew
	go test ./figures -timeout=1h -run 'Gallery$$' -gallery write
	go test ./figures -run GalleryIsFresh -gallery write

mutants: ## plant known bugs, one at a time, and see that the tests notice
	go -C tools run ./mutants

bench: ## all benchmarks
	go test -run '^$$' -bench . ./...

# On this command line PATH is the module's, so the script looks for tools where
# every system has them.
module: ## make module PATH=github.com/you/racelab: the module has another path, everywhere
	@/bin/sh tools/module.sh '$(if $(filter command line,$(origin PATH)),$(PATH))'

workshop: page ## dist/workshop, a folder to hand out: the page and the command; dist/teacher: answers
	go run ./workshop/handout

ci: ## what continuous integration runs
	.ci/run

# The seed is printed: set RAPID_SEED to repeat a night.
RAPID_SEED ?= $(shell date +%s)

nightly: ## what CI has no time for: the race detector, the whole table, 10^6 random programs, a minute of each fuzz target
	RAPID_SEED=$(RAPID_SEED) go test -count=1 -timeout=12h \
		$$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | sed -n 's/ .*pgregory.net\/rapid.*//p') \
		-rapid.checks=100000
	go test ./figures -count=1 -timeout=1h -run Gallery -gallery check
	go test ./sweeps -count=1 -run TestPublishedNumbers -published-seeds 100
	go test ./scenarios -count=1 -timeout=2h -run 'EveryVerdict|Waste|Published' -whole-table
	go test ./scenarios -count=1 -timeout=12h -run StrategiesAgree -agree-seed $(RAPID_SEED) -agree-cases 300 \
		-agree-states 10000 -agree-classes 500 -agree-runs 50 -agree-longest 2000 -agree-whole
	go test -race -count=1 -short -run 'Workers|Signals' ./scenarios ./sweeps ./simrun
	go -C notebooks test -count=1 ./...
	go -C witness test -count=1 -timeout=2h ./cmd/witness -releases
	go -C examples test -count=1 ./...
	go -C fleet test -count=1 ./... -whole
	go test ./sim/explore -count=1 -timeout=24h -run 'TestRandomPrograms$$' -v -random-programs 1000000 -random-seed $(RAPID_SEED)
	RAPID_SEED=$(RAPID_SEED) go -C witness/conform test . -count=1 -timeout=12h -releases all -rapid.checks=2000
	RAPID_SEED=$(RAPID_SEED) go -C witness/conform test ./protocol -count=1 -timeout=1h -rapid.checks=20000
	go test ./scenarios/transactionprotocol -count=1 -timeout=2h -run "TestFound|TestTwoByTwo" -deep
	for fuzz in $(FUZZ); do go test $${fuzz%:*} -run '^$$' -fuzz "^$${fuzz#*:}$$" -fuzztime 1m || exit 1; done
	go -C notebooks test . -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 1m
	go -C witness test . -run '^$$' -fuzz '^FuzzParseDecisions$$' -fuzztime 1m

FUZZ = ./sim:FuzzParseSchedule ./sim:FuzzParseDelay ./sim/explore:FuzzParseOrders ./scenarios:FuzzParameter \
	./advise:FuzzRead ./sweeps:FuzzJournal ./lab:FuzzParseLink ./lab/exercise:FuzzParseEntry
