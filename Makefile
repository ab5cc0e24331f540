# nmw: one non-recursive Makefile.  `make help` lists the targets.
#
# Objects live under build/<variant>; a variant is the compiler, the optimisation level and the
# sanitizers, so that `make SAN=address,undefined` never shares an object with a plain build. Within a
# variant any other change of the flags builds everything anew. CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS
# are the user's and come behind our own.

ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
DESTDIR ?=
O       ?= 2
SAN     ?=
COV     ?=
WERROR  ?=
V       ?=
VERSION := 0.1.0

comma   := ,
VARIANT := $(notdir $(CC))-O$(O)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)
B       := build/$(VARIANT)
Q       := $(if $(V),,@)

WARN     := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wpointer-arith -Wcast-qual $(if $(WERROR),-Werror)
ARCH     ?= -march=x86-64-v2
NMW_CPPFLAGS = -D_GNU_SOURCE -DNMW_VERSION='"$(VERSION)"' -Ilibcommon -Ihw
# gcc 12 would join stores of two fields by way of a vector register: more instructions than it saves
NMW_CFLAGS   = -std=gnu17 -O$(O) -g $(ARCH) -fno-strict-aliasing -fno-tree-slp-vectorize -fno-omit-frame-pointer $(WARN)
NMW_LDFLAGS  = -Wl,--as-needed
NMW_LDLIBS   = -lpcap -ljansson -lcrypt -luring -lpthread -lm
ifneq ($(SAN),)
NMW_CFLAGS  += -fsanitize=$(SAN) -fno-sanitize-recover=all
NMW_LDFLAGS += -fsanitize=$(SAN)
endif
ifneq ($(COV),)
NMW_CFLAGS  += --coverage
NMW_LDFLAGS += --coverage
endif
COMPILE   = $(CC) $(NMW_CPPFLAGS) $(CPPFLAGS) $(NMW_CFLAGS) $(CFLAGS)
LINK      = $(CC) $(NMW_CFLAGS) $(CFLAGS) $(NMW_LDFLAGS) $(LDFLAGS)
LIBS      = $(NMW_LDLIBS) $(LDLIBS)

# as headers of the system, which no warning of ours is about
have     = $(shell pkg-config --exists $1 2>/dev/null && echo yes)
flags_of = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $1 2>/dev/null))

# *_dpdk.c and nothing else need DPDK; without it (or with DPDK=) dpdk_missing.c says so instead. The
# drivers are plug-ins that EAL loads.
DPDK      ?= $(call have,libdpdk)
ifeq ($(DPDK),)
BUILT     := $(filter-out %_dpdk.c,$(wildcard libcommon/*/*.c tools/nmw-*/*.c))
else
BUILT     := $(filter-out %/dpdk_missing.c,$(wildcard libcommon/*/*.c tools/nmw-*/*.c))
DPDK_FLAGS := $(filter-out -march=%,$(call flags_of,libdpdk))
NMW_LDLIBS += -lrte_ethdev -lrte_mbuf -lrte_mempool -lrte_eal -lrte_bus_vdev
endif

LIB_SRC   := $(sort $(filter libcommon/%,$(BUILT)))
LIB_OBJ   := $(LIB_SRC:%.c=$B/%.o)
LIB       := $B/libnmw.a
TOOLS     := $(sort $(foreach d,$(wildcard tools/nmw-*),$(if $(wildcard $d/main.c),$(notdir $d))))
TOOL_BIN  := $(TOOLS:%=$B/bin/%)
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$B/tests/%)
TEST_AUX  := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
PROG_SRC  := $(sort $(wildcard tests/crash/*.c tests/fuzz/*.c tests/vm/*.c))
PROG_BIN  := $(PROG_SRC:tests/%.c=$B/tests/%)
BENCH_SRC := $(sort $(filter-out $(if $(DPDK),,%_dpdk.c),$(wildcard bench/bench_*.c)))
BENCH_BIN := $(BENCH_SRC:bench/%.c=$B/bench/%)
BENCH_AUX := $(filter-out bench/bench_%,$(sort $(wildcard bench/*.c)))
RING_AUX  := $(sort $(wildcard bench/ring/*.c))
LIVE_AUX  := $(sort $(wildcard bench/live/*.c))

.PHONY: all
all: $(LIB) $(TOOL_BIN) ## build the library and every tool into build/<variant>/bin

.SECONDARY:
.SUFFIXES:

# Files that are written when what they hold changes, so that all that was made from it is made anew:
# the flags, and the names of the sources, for one that is deleted leaves no newer object.
FLAGS   := $(strip $(COMPILE) $(LINK) $(LIBS))
SOURCES := $(sort $(LIB_SRC) $(filter tools/%,$(BUILT)))

define STAMP_RULE
# GNU Make 4.3 leaves the newline of some files
ifneq ($$(strip $$(file <$$B/$1)),$$($2))
.PHONY: $$B/$1
endif
$$B/$1:
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$$($2))' >$$@
endef
$(eval $(call STAMP_RULE,flags,FLAGS))
$(eval $(call STAMP_RULE,sources,SOURCES))

$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(if $Q,@echo "  CC      $<")
	$Q$(COMPILE) -MMD -MP -c -o $@ $<

$B/%_dpdk.o: NMW_CPPFLAGS += $(DPDK_FLAGS)

# a register more for the loop that is short of them
$B/libcommon/book/core.o: NMW_CFLAGS += -fomit-frame-pointer

$(LIB): $(LIB_OBJ) $B/sources
	$(if $Q,@echo "  AR      $@")
	$Qrm -f $@ && ar rcsD $@ $(LIB_OBJ)

define TOOL_RULE
$B/bin/$1: $$(patsubst %.c,$B/%.o,$$(sort $$(filter tools/$1/%,$$(BUILT)))) $$(LIB) $$B/sources
	@mkdir -p $$(@D)
	$$(if $$Q,@echo "  LD      $$@")
	$$Q$$(LINK) -o $$@ $$(filter %.o %.a,$$^) $$(LIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call TOOL_RULE,$t)))

# tests/unit/*.c that are not test_*.c (the naive book, for one) are linked into every unit test. A
# test of a tool's module names it in a line `// uses: tools/nmw-x/y.c`.
$B/tests/%.o: NMW_CPPFLAGS += -I.

$B/tests/test_%: $B/tests/unit/test_%.o $(TEST_AUX:%.c=$B/%.o) $(LIB)
	@mkdir -p $(@D)
	$(if $Q,@echo "  LD      $@")
	$Q$(LINK) -o $@ $(filter %.o,$^) $(LIB) -lcheck -lsubunit $(LIBS) -lrt

define USES_RULE
$B/tests/$(basename $(notdir $1)): $(patsubst %.c,$B/%.o,$(shell sed -n 's,^// uses: ,,p' $1))
endef
$(foreach s,$(UNIT_SRC),$(eval $(call USES_RULE,$s)))

$B/tests/crash/%: $B/tests/crash/%.o $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(LINK) -o $@ $^ $(LIBS)

$B/tests/fuzz/%: $B/tests/fuzz/%.o $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(LINK) -o $@ $^ $(LIBS)

$B/tests/vm/%: $B/tests/vm/%.o $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(LINK) -o $@ $^ $(LIBS)

# The ring's bench has candidates of its own in bench/ring. A peer is built where pkg-config finds its
# library; the bench says which are missing.
ifeq ($(DPDK),)
RING_AUX := $(filter-out %_dpdk.c,$(RING_AUX))
endif
ifeq ($(call have,ck),)
RING_AUX := $(filter-out %_ck.c,$(RING_AUX))
endif
$B/bench/ring/peer_ck.o: NMW_CPPFLAGS += $(call flags_of,ck)
$B/bench/bench_ring: NMW_LDLIBS += $(if $(DPDK),-lrte_ring -lrte_eal) $(if $(call have,ck),-lck)
$B/bench/bench_ring: $(RING_AUX:%.c=$B/%.o)
$B/bench/bench_live $B/bench/bench_memif_dpdk: $(LIVE_AUX:%.c=$B/%.o)

# The textbook engine of the C++ library's containers: a peer of the book's bench, where there is a
# compiler for it.
ifneq ($(shell command -v $(CXX)),)
$B/bench/%.o: bench/%.cc $B/flags
	@mkdir -p $(@D)
	$(if $Q,@echo "  CXX     $<")
	$Q$(CXX) -std=gnu++17 -O$(O) -g $(ARCH) -Wall -Wextra -MMD -MP -c -o $@ $<
$B/bench/bench_book: $B/bench/textbook_std.o
$B/bench/bench_book: NMW_LDLIBS += -lstdc++
endif

$B/bench/bench_%: $B/bench/bench_%.o $(BENCH_AUX:%.c=$B/%.o) $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(LINK) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

.PHONY: tests unit benches
tests: $(UNIT_BIN) $(PROG_BIN) ## build the tests without running them
unit: $(if $T,$(filter $(addsuffix %,$(addprefix $B/tests/,$T)),$(UNIT_BIN)),$(UNIT_BIN))
benches: $(BENCH_BIN)

# The packages come first: what is built is left to a second make, which finds them there.

.PHONY: deps
deps: ## install the Debian packages that are missing, for building, testing and linting
	$Qtools/deps

.PHONY: hw
hw: ## build the simulated devices, hw/build/nmw_book.so and nmw_wire.so, which nmw-fpga loads (verilator)
	$Qtools/deps sim
	$Q$(MAKE) --no-print-directory -C hw bitstream B=build

.PHONY: demo
demo: ## build, replay the bundled capture through the whole exchange, show fills and counters
	$Qtools/deps build
	$Q$(MAKE) --no-print-directory all
	$QB=$(abspath $B) tools/demo

.PHONY: check
check: ## run every test, or T="WORD..." those named so; last line: N passed, N failed, N skipped
	$Qtools/deps build test dpdk
	$Qtools/deps sim || echo 'without verilator: tests of the simulated device are skipped'
	$Q$(MAKE) --no-print-directory all tests
	$Q! command -v verilator >/dev/null || { $(MAKE) --no-print-directory hw && $(MAKE) --no-print-directory -C hw faulty B=build; }
	$QB=$(abspath $B) CC=$(CC) tests/run $T

.PHONY: lint
lint: ## format, static analysis, shell, man pages, layers; T="STEP..." for some of them
	$Qtools/deps
	$Q$(MAKE) --no-print-directory all
	$QB=$(abspath $B) tests/lint/run $T

.PHONY: bench
bench: ## measure beside peers, one page; T="WORD..." those named so
	$Qtools/deps build dpdk
	$Qtools/deps bench || echo 'measuring without the peers that are missing'
	$Q$(MAKE) --no-print-directory benches all
	$QB=$(abspath $B) CC=$(CC) bench/run $T

.PHONY: fmt
fmt: ## reformat the C sources
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

# After a change that is meant to be seen.
EXAMPLE := gen:seed=1,count=4k,symbols=5
.PHONY: golden
golden: all ## write anew what tests compare with: help texts, metric tables, bundled capture
	$Qmkdir -p tests/golden/help
	$Qfor t in $(TOOLS); do $B/bin/$$t --help >tests/golden/help/$$t.txt || exit; done
	$Q$B/bin/nmw-fpga run --help >tests/golden/help/nmw-fpga-run.txt
	$Q$B/bin/nmw-fpga wire --help >tests/golden/help/nmw-fpga-wire.txt
	$Qman/metrics.sh
	$QPATH=$B/bin:$$PATH; nmw-recv $(EXAMPLE) -q | nmw-send pcap:examples/day.pcap -q

BIN  := $(DESTDIR)$(PREFIX)/bin
MAN  := $(DESTDIR)$(PREFIX)/share/man
COMP := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DOC  := $(DESTDIR)$(PREFIX)/share/doc/nmw
HWLIB := $(DESTDIR)$(PREFIX)/lib/nmw
BITSTREAM := $(wildcard hw/build/nmw_book.so hw/build/nmw_wire.so)
PAGES := $(sort $(wildcard man/*.[1-9]))
DOCS  := $(wildcard README.md LICENSE ARCHITECTURE.md CHANGELOG.md)
# where man/x.N goes
man_at = $(MAN)/man$(subst .,,$(suffix $1))/$(notdir $1)

.PHONY: install
install: all ## install tools, man pages, completions, documents (and the bitstream, if built) under DESTDIR and PREFIX
	install -d $(BIN) $(COMP) $(DOC)
	install -m 755 $(TOOL_BIN) $(BIN)
	install -m 644 $(DOCS) $(DOC)
	$(foreach p,$(PAGES),install -D -m 644 $p $(call man_at,$p) &&) true
	for t in $(TOOLS); do $B/bin/$$t --completion bash >$(COMP)/$$t || exit; done
	$(if $(BITSTREAM),install -D -m 755 -t $(HWLIB) $(BITSTREAM))

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(TOOLS:%=$(BIN)/%) $(TOOLS:%=$(COMP)/%) $(foreach p,$(PAGES),$(call man_at,$p))
	rm -rf $(DOC) $(HWLIB)

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo 'Variants, each in a folder of its own under build/:'
	@echo '  SAN=address,undefined  SAN=thread  COV=1  CC=clang  O=0'
	@echo 'CFLAGS and the like come behind our own flags; WERROR=1 makes warnings errors.'

-include $(shell find $B -name '*.d' 2>/dev/null)
