# lode's build. `make help` lists the targets; everything that is built goes below build/.
#
#   kernel/*/*.c, *.S                       -> build/kernel.elf
#   user/lib/*                              -> build/libuser.a
#   user/bin/NAME.c or user/bin/NAME/*      -> build/programs/NAME (with symbols, for gdb), build/root/bin/NAME
#   user/tests/NAME.c or user/tests/NAME/*  -> the same
#   user/tests/sh/*                         -> build/root/tests/sh/*
#   user/etc/*                              -> build/root/etc/*
#   build/root                              -> build/fs.img, by build/mkfs
#   tests/host/test_*.c                     -> build/host/test_*
#
# With LLVM=1, DEBUG=1 or COVERAGE=1 the same lies below build/llvm, build/debug, build/coverage, build/llvm-debug ...

CPUS       ?= 4
MEM        ?= 128M
FS_SIZE    ?= 64M
TOOLPREFIX ?= riscv64-unknown-elf-
HOSTCC     ?= gcc

.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all image grade handout qemu qemu-gdb bench test test-quick test-long test-host test-failing test-fuzz test-fuzz-disk test-crash test-crash-long test-models test-models-long test-labs test-mutants programs host-tests clean help FORCE

all: image programs ## build the kernel and the disk image

# ---- Where and with what ----

kind := $(subst $() ,-,$(strip $(if $(LLVM),llvm) $(if $(DEBUG),debug) $(if $(COVERAGE),coverage)))
B    := build$(addprefix /,$(kind))

ifneq ($(LLVM),)
CC      = clang --target=riscv64-unknown-elf
LD      = ld.lld
AR      = llvm-ar
KARCH   = -march=rv64imac -mno-relax
UARCH   = -march=rv64gc
OBJCOPY = llvm-objcopy
else
CC      = $(TOOLPREFIX)gcc
LD      = $(TOOLPREFIX)ld
AR      = $(TOOLPREFIX)ar
KARCH   = -march=rv64imac_zicsr_zifencei
UARCH   = -march=rv64gc
OBJCOPY = $(TOOLPREFIX)objcopy
endif

# What a compiler calls for where the processor has no instruction: division of 128 bits, counting of bits.
libgcc   = $(shell $(TOOLPREFIX)gcc $(1) -print-libgcc-file-name 2>/dev/null)
KLIBGCC := $(call libgcc,-march=rv64imac -mabi=lp64)
ULIBGCC := $(call libgcc,-march=rv64gc -mabi=lp64d)

warnings  = -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wwrite-strings -Wvla -Wundef
common    = -O2 -g -mcmodel=medany -ffreestanding -nostdlib -fno-common -fno-pie
# Without pointer-overflow: user pointers are pointers here, and null plus 0 is one of them.
debug     = -DLODE_DEBUG -fsanitize=undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=undefined
# Canaries in functions with arrays of bytes; in debug builds also where the address of anything is taken, which would
# make opening a file cost a tenth more.
stack     = -fstack-protector$(if $(DEBUG),-strong)
coverage  = -DLODE_COVERAGE -fsanitize-coverage=trace-pc
kflags    = -std=c11 $(KARCH) -mabi=lp64 $(common) -fno-omit-frame-pointer $(stack) $(if $(DEBUG),$(debug)) $(if $(COVERAGE),$(coverage)) -Ikernel
uflags    = $(UARCH) -mabi=lp64d $(common) -fno-stack-protector -ffunction-sections -fdata-sections -Iuser/include -I. -Ikernel
hostflags = -std=c11 -g -D_GNU_SOURCE -Ikernel
testflags = $(hostflags) -O1 -DKERNEL_OFFSET=0ul -Itests/host -fsanitize=address,undefined -fno-sanitize-recover=undefined

# WERROR=1 changes no object file, so it is not part of what $(B)/flags remembers.
strict = $(warnings) $(if $(WERROR),-Werror)

# Commands are shown as "CC file" unless V=1, and not at all with make -s.
ifeq ($(V),1)
say =
else
Q    := @
say   = @printf '  %-7s %s\n' $(1) $(2)
ifneq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say   = @:
endif
endif

# Written anew only when $(2) has changed, so that what depends on it is made again exactly then.
remember = @mkdir -p $(dir $(1)); printf '%s\n' '$(strip $(2))' | cmp -s - $(1) || printf '%s\n' '$(strip $(2))' >$(1)

$(B)/flags: FORCE
	$(call remember,$@,$(CC) $(LD) $(kflags) $(uflags))
build/hostflags: FORCE
	$(call remember,$@,$(HOSTCC) $(testflags))

# ---- The kernel ----

debug_src  := $(wildcard kernel/debug/*.c)
without    := $(if $(DEBUG),,$(filter-out %/coverage.c,$(debug_src))) $(if $(COVERAGE),,kernel/debug/coverage.c)
kernel_src := $(filter-out $(without),$(wildcard kernel/*/*.c kernel/*/*.S))
kernel_obj := $(kernel_src:%=$(B)/%.o)

# The compiler must not turn the loop in memset into a call of memset.
$(B)/kernel/lib/string.c.o: kflags += -fno-builtin $(if $(LLVM),,-fno-tree-loop-distribute-patterns)

# What failed checks call is not checked itself; canary.c changes the stack's canary.
$(B)/kernel/debug/%: kflags += -fno-sanitize=undefined
$(B)/kernel/debug/% $(B)/kernel/lib/canary.c.o: kflags += -fno-stack-protector

# What records where the kernel has been must not be recorded itself, nor what runs before it has memory; loops over
# bytes would only take time.
$(B)/kernel/debug/% $(B)/kernel/boot/% $(B)/kernel/lib/string.c.o: coverage = -DLODE_COVERAGE

$(B)/kernel/%.o: kernel/% $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(kflags) $(strict) -Wno-unused-parameter -Wframe-larger-than=1024 -MMD -MP -c -o $@ $<

$(B)/kernel.elf: $(kernel_obj) kernel.ld
	$(call say,LD,$@)
	$(Q)$(LD) -T kernel.ld -z max-page-size=4096 --build-id=none -o $@ $(kernel_obj) $(KLIBGCC)

# ---- Programs ----

lib_src := $(wildcard user/lib/*.c user/lib/*.S)
lib_obj := $(lib_src:%=$(B)/%.o)

# Tests are full of argument vectors made of literals, which are char *.
$(B)/user/tests/%.o: strict += -Wno-write-strings

$(B)/user/%.o: user/% $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(uflags) $(strict) -MMD -MP -c -o $@ $<

$(B)/libuser.a: $(lib_obj) $(B)/flags
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $(lib_obj)

user_link = $(LD) -T user/user.ld --gc-sections -z max-page-size=4096 --build-id=none

# A program is a file, or a folder of files.
files_of  = $(wildcard $(1)/*.c $(1)/*.S)
folders  := $(foreach d,$(wildcard user/bin/*/ user/tests/*/),$(if $(call files_of,$(d:/=)),$(d:/=)))
singles  := $(wildcard user/bin/*.c user/tests/*.c)
# WITHOUT="NAME ...": scripts/grade leaves out programs of a submission that do not build.
programs := $(filter-out $(WITHOUT),$(notdir $(folders)) $(basename $(notdir $(singles))))

$(foreach f,$(singles),$(eval objects_$(basename $(notdir $(f))) := $(B)/$(f).o))
$(foreach d,$(folders),$(eval objects_$(notdir $(d)) := $(patsubst %,$(B)/%.o,$(call files_of,$(d)))))

.SECONDEXPANSION:
$(programs:%=$(B)/programs/%): $(B)/programs/%: $$(objects_$$*) $(B)/libuser.a user/user.ld
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(user_link) -o $@ $(objects_$*) $(B)/libuser.a $(ULIBGCC)

programs: $(programs:%=$(B)/programs/%) $(extra_programs)

# ---- The disk image ----

root         := $(B)/root
script_files := $(patsubst user/tests/sh/%,$(root)/tests/sh/%,$(wildcard user/tests/sh/*))
etc_files    := $(patsubst user/etc/%,$(root)/etc/%,$(wildcard user/etc/*))
staged       := $(programs:%=$(root)/bin/%) $(script_files) $(etc_files)

$(root)/bin/%: $(B)/programs/%
	@mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-debug $< $@
$(root)/tests/sh/%: user/tests/sh/%
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(root)/etc/%: user/etc/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

build/mkfs build/fsck: build/%: mkfs/%.c kernel/lib/xxh64.c kernel/lib/xxh64.h kernel/abi/fsformat.h build/hostflags
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) $(hostflags) -O2 $(strict) -Wno-shadow -o $@ $(filter %.c,$^)

# Programs and files from outside the tree. They stay in the image until they are named anew (EXTRA_SRC= and
# EXTRA_FILES= for none) or made clean. scripts/run names a VARIANT, an image of its own beside the usual one.
X := $(B)$(VARIANT:%=/images/%)
ifeq ($(origin EXTRA_SRC)$(origin EXTRA_FILES),undefinedundefined)
EXTRA_SRC   := $(wildcard $(file <$(X)/extra.src))
EXTRA_FILES := $(wildcard $(file <$(X)/extra.files))
endif
extra_src      := $(abspath $(EXTRA_SRC))
extra_files    := $(abspath $(EXTRA_FILES))
extra_programs := $(patsubst %,$(X)/extra/%,$(basename $(notdir $(extra_src))))

# Programs for xv6 are compiled as their authors do it, so only what is surely wrong is warned about.
define extra_program
$(X)/extra/$(basename $(notdir $(1))): $(1) $(B)/libuser.a user/user.ld $(B)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$(1))
	$$(Q)$$(CC) -std=gnu11 $$(uflags) -Wall -Wno-main -fno-builtin -MMD -MP -MT $$@ -MF $$@.d -c -o $$@.o $(1)
	$$(Q)$$(user_link) -o $$@ $$@.o $(B)/libuser.a $$(ULIBGCC)
endef
$(foreach f,$(extra_src),$(eval $(call extra_program,$(f))))

$(X)/extra.src: FORCE
	$(call remember,$@,$(extra_src))
$(X)/extra.files: FORCE
	$(call remember,$@,$(extra_files))
$(X)/staged: FORCE
	$(call remember,$@,$(FS_SIZE) $(staged))

# build/root may hold programs whose source is gone: only what is in $(staged) is copied.
$(X)/fs.img: $(staged) $(extra_programs) $(extra_files) $(X)/staged $(X)/extra.src $(X)/extra.files build/mkfs
	$(call say,MKFS,$@)
	$(Q)rm -rf $(X)/stage && mkdir -p $(X)/stage/bin $(X)/stage/etc
	$(Q)cd $(root) && cp -l --parents $(staged:$(root)/%=%) $(CURDIR)/$(X)/stage
	$(Q)for p in $(extra_programs); do $(OBJCOPY) --strip-debug $$p $(X)/stage/bin/$${p##*/}.new && \
	    mv $(X)/stage/bin/$${p##*/}.new $(X)/stage/bin/$${p##*/} || exit 1; done
	$(Q)for f in $(extra_files); do cp -rL --preserve=mode,timestamps --remove-destination $$f $(X)/stage || exit 1; done
	$(Q)build/mkfs -s $(FS_SIZE) -d $(X)/stage $@.new && mv $@.new $@

# The plugin for QEMU of scripts/profile.
build/profile.so: $(wildcard scripts/harness/profile/*) build/hostflags
	$(call say,HOSTCC,$@)
	$(Q)$(HOSTCC) -std=c11 -D_GNU_SOURCE -O2 $(strict) -fPIC -shared -o $@ $(filter %.c,$^)

image: $(B)/kernel.elf $(X)/fs.img build/fsck
	@:

# The disk of `make qemu`, which keeps its files from one run to the next, until the programs on it are out of date.
$(B)/disk.img: $(X)/fs.img
	@if [ -e $@ ]; then mv $@ $@.old; \
	    echo "The programs have changed: a new disk is made. The one with your files is now $@.old."; fi
	$(Q)cp --sparse=always $< $@

# ---- Running ----

qemu: image $(B)/disk.img ## boot to a shell; the disk keeps its files (Ctrl-A X leaves)
	@scripts/run --no-build --build $(B) --disk $(B)/disk.img --cpus $(CPUS) --mem $(MEM)

qemu-gdb: image programs $(B)/disk.img ## the same, but wait for gdb, and say how to start it
	@scripts/run --no-build --build $(B) --disk $(B)/disk.img --cpus $(CPUS) --mem $(MEM) --gdb

bench: image ## measure the primitives, and write docs/performance.md's tables and charts
	@scripts/bench --no-build --build $(B)

# ---- Tests ----

# What of the file system runs on the host's harness; the members that a test needs are linked.
host_fs  := $(wildcard $(addprefix kernel/fs/,balloc.c cache.c dir.c fs.c ifile.c imap.c inode.c journal.c namei.c))
host_obj := $(patsubst %,build/host/%.o,tests/host/harness.c tests/host/harness_disk.c $(host_fs) kernel/lib/xxh64.c)
host_tests := $(patsubst tests/host/%.c,build/host/%,$(wildcard tests/host/test_*.c))

build/host/%.c.o: %.c build/hostflags
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(testflags) -Wall -Wextra -Wno-unused-parameter -Wno-format-overflow $(if $(WERROR),-Werror) -MMD -MP -c -o $@ $<

build/host/libharness.a: $(host_obj)
	$(Q)rm -f $@; ar rcs $@ $(host_obj)

build/host/test_%: build/host/tests/host/test_%.c.o build/host/libharness.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(testflags) -o $@ $< $$(grep -q harness.h $(<:.o=.d) && echo build/host/libharness.a) -lpthread

# The crash tests: the same kernel/fs above the same harness, but fast.
crash_flags := $(hostflags) -O2 -DKERNEL_OFFSET=0ul -Itests/host
crash_obj   := $(patsubst %,build/crash/%.o,$(wildcard tests/crash/*.c) tests/host/harness.c tests/host/harness_disk.c \
                 $(host_fs) kernel/lib/xxh64.c)

build/crash/%.c.o: %.c build/hostflags
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(crash_flags) -Wall -Wextra -Wno-unused-parameter -Wno-format-overflow -Wno-format-truncation \
	    $(if $(WERROR),-Werror) -MMD -MP -c -o $@ $<

build/crash/crash: $(crash_obj)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(crash_flags) -o $@ $(crash_obj) -lpthread

# The program of the machines whose disk is recorded.
$(B)/crash/guest: tests/crash/guest/guest.c $(B)/libuser.a user/user.ld $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(uflags) $(strict) -Wno-write-strings -MMD -MP -MT $@ -MF $@.d -c -o $@.o $<
	$(Q)$(user_link) -o $@.full $@.o $(B)/libuser.a $(ULIBGCC)
	$(Q)$(OBJCOPY) --strip-debug $@.full $@

host-tests: $(host_tests) build/mkfs build/fsck build/profile.so

test: image programs host-tests ## run all tests: on the host, in the guest, and of booting
	@scripts/test --build $(B) $(TESTS)

test-quick: image programs host-tests ## the most important ones, in under a minute
	@scripts/test --build $(B) --quick $(TESTS)

test-long: image programs host-tests ## over and over with random seeds and machines, until ^C
	@scripts/test --build $(B) --long $(TESTS)

test-host: host-tests ## run only the tests of kernel/lib, kernel/fs, mkfs and fsck on the host
	@scripts/test --build $(B) -k '^host/' $(TESTS)

test-failing: ## memory and the disk fail in every system call, one request after the other
	@scripts/test --build $(B) --failing

test-fuzz: ## 10 million random system calls, 20,000 damaged programs: no panic, hang or leak
	@scripts/fuzz $(FUZZ)

crash_needs := $(B)/kernel.elf build/mkfs build/fsck build/crash/crash $(B)/crash/guest

test-crash: $(crash_needs) ## every state in which a power cut may leave the disk, 60,000 of them
	@tests/crash/run --build $(B) $(CRASH)

test-crash-long: $(crash_needs) ## a million of them
	@tests/crash/run --build $(B) --long $(CRASH)

test-mutants: ## break the kernel on purpose, fault by fault: the tests must catch each
	@scripts/mutate

test-models: ## models of sleeping, waking and the journal: all orders of steps, up to a bound
	@tests/models/run.py

test-models-long: ## the same with larger bounds, for hours
	@tests/models/run.py --long

test-labs: image host-tests ## each lab's handout builds and fails, its solution passes
	@tests/labs/run

# ---- Fuzzers of disks (tests/fuzz) ----

# clang's libFuzzer calls the host's sleep and sched_yield: the kernel's get other names. sections.h says why it is included.
FUZZCC      = clang
fuzzflags   = $(filter-out -O1 -std=c11,$(testflags)) -std=gnu11 -O2 -Itests/fuzz -Wall -Wextra -Wno-unused-parameter
fuzzed      = -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp -include tests/fuzz/sections.h
fuzz_common = $(host_fs) kernel/lib/xxh64.c $(addprefix tests/,host/harness.c host/harness_disk.c fuzz/machine.c fuzz/damage.c fuzz/use.c)
fuzz_obj    = $(patsubst %,build/fuzz/%.o,$(fuzz_common))

build/fuzz/flags: FORCE
	$(call remember,$@,$(FUZZCC) $(fuzzflags) $(fuzzed))
$(host_fs:%=build/fuzz/%.o) build/fuzz/tests/fuzz/fsck_part.c.o: fuzzflags += $(fuzzed)
build/fuzz/%.c.o: %.c build/fuzz/flags
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZCC) $(fuzzflags) -MMD -MP -c -o $@ $<
	$(Q)objcopy --redefine-sym sleep=kernel_sleep --redefine-sym sched_yield=kernel_sched_yield $@
build/fuzz/fuzz_fs: build/fuzz/tests/fuzz/fuzz_fs.c.o
build/fuzz/fuzz_fsck: build/fuzz/tests/fuzz/fuzz_fsck.c.o build/fuzz/tests/fuzz/fsck_part.c.o
build/fuzz/fuzz_fs build/fuzz/fuzz_fsck: $(fuzz_obj)
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZCC) $(fuzzflags) -fsanitize=fuzzer -o $@ $^ -lpthread

# What is damaged: a small image; and one that a machine can boot from, with a few programs.
build/fuzz/small.img: build/mkfs $(wildcard kernel/abi/*)
	@mkdir -p $(@D)
	$(Q)build/mkfs -t 0 -i 128 -s 1M -d kernel/abi $@
build/fuzz/boot.img: build/mkfs $(addprefix build/root/bin/,init sh cat find ls mkdir mv rm sync tee)
	$(Q)rm -rf build/fuzz/boot && mkdir -p build/fuzz/boot/bin && cp $(filter build/root/bin/%,$^) build/fuzz/boot/bin
	$(Q)build/mkfs -t 0 -i 128 -s 4M -d build/fuzz/boot $@

test-fuzz-disk: image build/fuzz/fuzz_fs build/fuzz/fuzz_fsck build/fuzz/small.img build/fuzz/boot.img ## disks damaged at random, for a minute; LONG=seconds
	@tests/fuzz/run $(if $(LONG),--seconds $(LONG))

# ---- Labs ----

grade: ## grade this tree, or SUBMISSION=path, by a lab's tests: LAB=name
	@scripts/grade $(if $(LAB),$(LAB),$(error LAB=name is missing; labs/ has: $(notdir $(patsubst %/lab.ini,%,$(wildcard labs/*/lab.ini))))) \
	    $(if $(SUBMISSION),--submission '$(SUBMISSION)')

handout: ## make the tree that students of a lab get: LAB=name DIR=path
	@scripts/handout $(if $(and $(LAB),$(DIR)),$(LAB) '$(DIR)',$(error LAB=name and DIR=path are needed))

# ---- Around it ----

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile | sed 's/: /\t/' | expand -t 20
	@echo 'Variables, with their defaults:'
	@echo '  CPUS=$(CPUS) MEM=$(MEM) FS_SIZE=$(FS_SIZE)    the machine and its disk'
	@echo '  TOOLPREFIX=$(TOOLPREFIX)  the cross compiler; LLVM=1: clang and lld instead'
	@echo '  DEBUG=1    with the checks of a debug build; COVERAGE=1: records what code has run; WERROR=1: warnings are errors; V=1: show commands'
	@echo '  EXTRA_SRC="a.c b.c"      compile these against the user API into /bin'
	@echo '  EXTRA_FILES="x y"        copy these into the root directory'
	@echo '  CRASH="my.crash"         options and workloads for tests/crash/run (test-crash)'
	@echo '  TESTS="-k boot/"         options for scripts/test (scripts/test --help)'

-include $(kernel_obj:.o=.d) $(lib_obj:.o=.d) $(foreach p,$(programs),$(patsubst %.o,%.d,$(objects_$(p))))
-include $(extra_programs:=.d) $(host_obj:.o=.d) $(crash_obj:.o=.d) $(B)/crash/guest.d $(wildcard build/host/tests/host/*.d) $(fuzz_obj:.o=.d) $(wildcard build/fuzz/tests/fuzz/*.d)
