# nmw: one non-recursive Makefile.  `make help` lists the targets.
#
# Objects live under build/<variant>; a variant is the compiler, the optimisation level and the
# sanitizers, so that `make SAN=address,undefined` never shares an object with a plain build.

CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
CXX     := $(if $(findstring clang,$(CC)),clang++,g++)
PREFIX  ?= /usr/local
DESTDIR ?=
O       ?= 2
SAN     ?=
COV     ?=
V       ?=
VERSION := 0.1.0

comma   := ,
VARIANT := $(notdir $(CC))-O$(O)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)
B       := build/$(VARIANT)
Q       := $(if $(V),,@)

WARN     := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wpointer-arith -Wcast-qual -Werror
ARCH     ?= -march=x86-64-v2
CPPFLAGS += -D_GNU_SOURCE -DNMW_VERSION='"$(VERSION)"' -Ilibcommon
CFLAGS   += -std=gnu17 -O$(O) -g $(ARCH) -fno-strict-aliasing -fno-omit-frame-pointer $(WARN)
LDFLAGS  += -Wl,--as-needed
LDLIBS   := -lpcap -ljansson -lpthread -lm
ifneq ($(SAN),)
CFLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(SAN)
endif
ifneq ($(COV),)
CFLAGS   += --coverage
LDFLAGS  += --coverage
endif

LIB_SRC   := $(sort $(wildcard libcommon/*/*.c))
LIB_OBJ   := $(LIB_SRC:%.c=$B/%.o)
LIB       := $B/libnmw.a
TOOLS     := $(sort $(foreach d,$(wildcard tools/nmw-*),$(if $(wildcard $d/main.c),$(notdir $d))))
TOOL_BIN  := $(TOOLS:%=$B/bin/%)
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$B/tests/%)
TEST_AUX  := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
PROG_SRC  := $(sort $(wildcard tests/crash/*.c tests/fuzz/*.c))
PROG_BIN  := $(PROG_SRC:tests/%.c=$B/tests/%)
BENCH_SRC := $(sort $(wildcard bench/bench_*.c))
BENCH_BIN := $(BENCH_SRC:bench/%.c=$B/bench/%)
BENCH_AUX := $(filter-out $(BENCH_SRC),$(sort $(wildcard bench/*.c)))

.PHONY: all
all: $(LIB) $(TOOL_BIN) ## build the library and every tool into build/<variant>/bin

.SECONDARY:
.SUFFIXES:

$B/%.o: %.c
	@mkdir -p $(@D)
	$(if $Q,@echo "  CC      $<")
	$Q$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
	$(if $Q,@echo "  AR      $@")
	$Qrm -f $@ && ar rcsD $@ $^

define TOOL_RULE
$B/bin/$1: $$(patsubst %.c,$B/%.o,$$(sort $$(wildcard tools/$1/*.c))) $$(LIB)
	@mkdir -p $$(@D)
	$$(if $$Q,@echo "  LD      $$@")
	$$Q$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach t,$(TOOLS),$(eval $(call TOOL_RULE,$t)))

# tests/unit/*.c that are not test_*.c (the naive book, for one) are linked into every unit test. A
# test of a tool's module names it in a line `// uses: tools/nmw-x/y.c`.
$B/tests/%.o: CPPFLAGS += -I.

$B/tests/test_%: $B/tests/unit/test_%.o $(TEST_AUX:%.c=$B/%.o) $(LIB)
	@mkdir -p $(@D)
	$(if $Q,@echo "  LD      $@")
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) -lcheck -lsubunit $(LDLIBS) -lrt

define USES_RULE
$B/tests/$(basename $(notdir $1)): $(patsubst %.c,$B/%.o,$(shell sed -n 's,^// uses: ,,p' $1))
endef
$(foreach s,$(UNIT_SRC),$(eval $(call USES_RULE,$s)))

$B/tests/crash/%: $B/tests/crash/%.o $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/tests/fuzz/%: $B/tests/fuzz/%.o $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/bench/bench_%: $B/bench/bench_%.o $(BENCH_AUX:%.c=$B/%.o) $(LIB)
	$(if $Q,@echo "  LD      $@")
	@mkdir -p $(@D)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: tests unit benches
tests: $(UNIT_BIN) $(PROG_BIN) ## build the tests without running them
unit: $(UNIT_BIN)
benches: $(BENCH_BIN)

.PHONY: check
check: all tests ## run every test; last line: N passed, N failed, N skipped
	$Q B=$(abspath $B) CC=$(CC) tests/run

.PHONY: fmt
fmt: ## reformat the C sources
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

-include $(shell find build/$(VARIANT) -name '*.d' 2>/dev/null)
