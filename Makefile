# "make" shows what there is to make. Go and make are all that is needed.

GO     ?= go
FUZZ   ?= 30s
COUNT  ?= 5
SOAK   ?= 1h
# Of the tests of one package: most take seconds, but some minutes under the race
# detector on a machine with other work.
TIMEOUT ?= 40m

.PHONY: help
help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## watch two clients talk through the proxy, and read the report
	@$(GO) run ./cmd/msnproxy demo

.PHONY: build
build: ## build bin/msnproxy
	CGO_ENABLED=0 $(GO) build -o bin/msnproxy ./cmd/msnproxy

.PHONY: install
install: ## install msnproxy where go install puts programs
	CGO_ENABLED=0 $(GO) install ./cmd/msnproxy

.PHONY: test
test: ## run the tests
	$(GO) test -timeout $(TIMEOUT) ./...

.PHONY: race
race: ## run the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -timeout $(TIMEOUT) ./...

.PHONY: bench
bench: build ## time beside other programs (BENCH=full|captures|relays)
	$(GO) run ./internal/bench -runs $(COUNT) $(if $(filter full,$(BENCH)),-full) $(if $(filter captures relays,$(BENCH)),-part $(BENCH))

.PHONY: gobench
gobench: ## run the benchmarks in the code: MB/s, allocations per command
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for a while (FUZZ=30s, or 9000x, each)
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) -fuzzminimizetime 20x $$package; \
		done; \
	done

.PHONY: soak
soak: ## put the proxy under load, and tell what is left (SOAK=1h)
	$(GO) test -run '^TestSoak$$' -v -timeout 0 ./proxy -soak $(SOAK)

.PHONY: lint
lint: ## check format, vet and static analysis
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: docs
docs: ## rebuild the generated documents and sample captures
	$(GO) run ./cmd/msnproxy commands --markdown > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md
	$(GO) generate ./...
	$(GO) run ./cmd/msnproxy decode --width 80 captures/samples/msnp15.pcapng > README.part
	{ echo '```'; sed -n '/^18:06:14.981/,/Hello Bob/p' README.part; echo '```'; } | awk -v part=transcript -f docs/fill.awk - README.md > README.new
	$(GO) run ./cmd/msnproxy analyze --width 80 --section sessions,conversations,errors captures/samples/msnp8.pcapng > README.part
	{ echo '```'; cat README.part; echo '```'; } | awk -v part=report -f docs/fill.awk - README.new > README.md
	$(GO) run ./cmd/msnproxy analyze --format markdown --section messages captures/samples/msnp8.pcapng > README.part
	awk -v part=messages -f docs/fill.awk README.part README.md > README.new
	mv README.new README.md
	rm README.part
	@if command -v chromium >/dev/null; then $(MAKE) --no-print-directory picture; \
	else echo "docs/report.png stays as it is: chromium, which makes it, is not installed"; fi

# The beginning of the HTML report of a sample, as the README shows it. Root may
# not have the sandbox; the page is our own.
.PHONY: picture
picture:
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(GO) run ./cmd/msnproxy analyze -o "$$dir/report.html" captures/samples/msnp15.pcapng; \
	chromium --headless --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic \
		$$(test "$$(id -u)" != 0 || echo --no-sandbox) --user-data-dir="$$dir/profile" --hide-scrollbars --window-size=1100,1500 \
		--screenshot="$$dir/report.png" "file://$$dir/report.html" 2>"$$dir/log" || { cat "$$dir/log"; exit 1; }; \
	mv "$$dir/report.png" docs/report.png
