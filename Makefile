# Every target installs what the machine lacks (scripts/setup); nothing is installed twice.

.PHONY: help demo test check bench docs static

help:
	@echo "make demo    save a Nix store with the real npm client, restore it elsewhere, and see what it took"
	@echo "make test    all tests, against real peers"
	@echo "make check   format, lints, documentation, fuzz targets, the rules of the house, licences"
	@echo "make docs    the pages of docs/ that are made from the program"
	@echo "make static  the program as one file that needs no library"
	@echo "make bench   the figures of the README (BENCH_SIZE=medium or large)"

demo:
	scripts/setup demo
	cargo build --quiet --release --locked -p snowbank
	demo/run

test:
	scripts/setup test
	scripts/test

check:
	scripts/setup build
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --locked
	scripts/fuzz check
	cargo test --quiet --locked -p snowbank-testkit --test house
	scripts/advisories

bench:
	scripts/setup bench
	cargo build --quiet --release --locked -p snowbank -p snowbank-testkit -p snowbank-bench
	bench/run

static:
	scripts/setup static
	scripts/static

docs:
	scripts/setup build
	SNOWBANK_WRITE_DOCS=1 cargo test --quiet --locked -p snowbank --bin snowbank reference
	SNOWBANK_WRITE_DOCS=1 cargo test --quiet --locked -p snowbank-server --test urls part
