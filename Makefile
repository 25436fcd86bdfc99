# SPDX-License-Identifier: GPL-2.0-only
#
# make help	says what can be made.  Everything made stays under build/.
#
# Sources are found by looking: a new file in one of these directories is
# compiled and, where the directory is one of plug-ins, registered.

ARCH = x86_64
PREFIX = /usr/local
DESTDIR =
MODULES = $(wildcard /lib/modules/$(shell uname -r))
FUZZ_SECONDS = 60
BUDGET = 262144

B = build/$(ARCH)
CORE = applets/core
# Plug-ins are NAME.c or NAME/*.c; what has an underscore only helps NAME.c.
KINDS = device bus hypervisor

# Applets to leave out, by name.
WITHOUT =
APPLETS = $(filter-out $(WITHOUT:%=applets/%.c),$(sort $(wildcard applets/*.c)))
# This one is for Hosts that run 32-bit code in 64-bit processes.
LACKING = $(if $(filter i386,$(ARCH)),user)
SRCS = lguest.c $(APPLETS) $(sort $(wildcard $(CORE)/*.c) \
	$(foreach k,$(KINDS),$(wildcard $(CORE)/$k/*.c) $(filter-out \
		$(LACKING:%=$(CORE)/$k/%/%),$(wildcard $(CORE)/$k/*/*.c))))
OBJS = $(SRCS:%.c=$B/%.o) $B/registry.o

entries = $(sort $(foreach n,$(notdir $(patsubst %.c,%,$(wildcard $1/*.c)) \
	$(patsubst $1/%/,%,$(filter $1/%/,$(dir $(wildcard $1/*/*.c))))), \
	$(if $(findstring _,$n),,$(filter-out core,$n))))

# --- compilers --------------------------------------------------------

WARNINGS = -Wall -Wextra -Wshadow
CPPFLAGS = -Iinclude -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64
CFLAGS_ALL = -std=gnu11 $(WARNINGS) $(CPPFLAGS) -MMD -MP
CFLAGS = -Oz -g
# One place for each thing that makes the binary small, hard, or the same
# wherever it is built.
CFLAGS_SMALL = $(PIE) -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fcf-protection=none \
	-fstack-protector
CFLAGS_STATIC = $(CFLAGS_SMALL) $(CFLAGS) -ffile-prefix-map=$(CURDIR)=. \
	-idirafter build/include
# No relro: musl's start of a static program leaves that to nobody, so all it
# would do is fill the file up to a page.
LDFLAGS_STATIC = -static -no-pie -Wl,--gc-sections -Wl,-z,noexecstack \
	-Wl,-z,norelro,-z,noseparate-code,-z,common-page-size=64 \
	-Wl,--build-id=none

# What is linked is in $L, nothing is the system's (see tests/libs).
L = build/lib/$(ARCH)
LINK = gcc $(MACHINE) $(LTO_LINK) -nostdlib $(LDFLAGS_STATIC) -o $@ $L/crt1.o \
	$L/crti.o $1 $L/libz.a -Wl,--start-group $L/libc.a $(LIBGCC) -Wl,--end-group \
	$L/crtn.o

ifeq ($(ARCH),i386)
# Debian's musl-dev:i386 would displace gcc-multilib, so we do not install
# it: tests/fetch unpacks it here and the native compiler does the rest.
SYSROOT = build/sysroot-i386
MACHINE = -m32 -march=i686
CC = gcc $(MACHINE) -nostdinc -isystem $(SYSROOT)/usr/include/i386-linux-musl \
	-isystem $(shell gcc -print-file-name=include)
LIBGCC = $(SYSROOT)/usr/lib/gcc/i686-linux-gnu/12/libgcc.a
TOOLCHAIN = $(SYSROOT)/.done
PIE = -fno-pie
else
MACHINE =
CC = musl-gcc
LIBGCC = $(shell gcc -print-libgcc-file-name)
# Above 4 GiB, for below that the hypervisor `user` has its Guest; and right
# behind what its processes share.
USER_END := $(shell sed -n 's/^.define USER_END[[:space:]]*//p' \
	$(CORE)/hypervisor/user/state.h)
$B/lguest.full $B/lguest-traps: LDFLAGS_STATIC += \
	-Wl,--no-relax,--defsym=_DYNAMIC=$(USER_END),-Ttext-segment=$(USER_END)
TOOLCHAIN =
PIE = -fpie
# Functions of the Launcher that have one caller go into it, wherever that is.
LTO = -flto -ffat-lto-objects
LTO_LINK = -flto -flto-partition=one -Oz $(CFLAGS_SMALL) -mgeneral-regs-only
endif

all: $B/lguest

$B/lguest: $B/lguest.full
	strip -s -R .comment -o $@ $<
	tests/cut $@

# What the C library does too well for us: the linker's first printf is the one
# that all use, and so on.
# _Fork() is fork() for those that have one thread when they do.
OURS = $(foreach f,printf fprintf snprintf vsnprintf sprintf puts putchar fputs \
	fputc fwrite fflush ferror stdout stderr,$f=stream_$f) \
	putc=stream_fputc __stdio_exit=stream_exit \
	__assert_fail=say_assertion fork=_Fork malloc=heap_malloc \
	calloc=heap_calloc realloc=heap_realloc free=heap_free \
	__libc_calloc=heap_calloc \
	$(if $(filter x86_64,$(ARCH)),setrlimit=privileges_limit)
$B/lguest.full $B/lguest-traps: LDFLAGS_STATIC += $(OURS:%=-Wl,--defsym=%)
$B/lguest.full: $(OBJS) $L/.done
	$(call LINK,$(OBJS))

$B/%.o: %.c Makefile | build/include/linux $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CFLAGS_STATIC) -c -o $@ $<

# Nothing of the Launcher computes with floating point, so functions that take
# any arguments need not save its registers.
$(OBJS): CFLAGS += -mgeneral-regs-only

# Hosts with /dev/lguest have time to lose rather than room: each frame and each
# block goes through all of these.
ifeq ($(ARCH),i386)
$(addprefix $B/$(CORE)/,bus/% device/% hypervisor/% io.o iov.o loop.o memory.o \
	virtio.o vring.o wire.o): CFLAGS += -O2
endif

# In a stub there is no thread pointer, and the FPU is the Guest's.  Those of
# the Launcher in that folder do not matter.
RESIDENT = $(filter-out $(addprefix $B/$(CORE)/hypervisor/user/,boot.o \
	children.o post.o probe.o sandbox.o user.o), \
	$(filter $B/$(CORE)/hypervisor/user/%,$(OBJS))) \
	$B/$(CORE)/access.o $B/$(CORE)/length.o
$B/$(CORE)/hypervisor/user/%.o $B/$(CORE)/access.o $B/$(CORE)/length.o: \
	CFLAGS += -fno-stack-protector
# What they call stays what RESIDENT says; and the self-test has a Guest in it.
$(filter-out $B/$(CORE)/hypervisor/user/% $(RESIDENT) $B/$(CORE)/selftest.o, \
	$(OBJS)): CFLAGS += $(LTO)

$B/registry.o: $B/registry.c | build/include/linux $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CFLAGS_STATIC) -c -o $@ $<

# The Guest of --selftest is 32-bit whatever we are, and the same bytes.
SELFTEST = build/selftest/guest.bin
CFLAGS_SELFTEST = -m32 -march=i686 -std=gnu11 $(WARNINGS) -Oz -ffreestanding \
	-fno-pic -fno-pie -mregparm=3 -mgeneral-regs-only -fno-ident \
	-fomit-frame-pointer -mpreferred-stack-boundary=2 \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none

build/selftest/%.o: $(CORE)/selftest/% $(CORE)/selftest/guest.h Makefile
	@mkdir -p $(@D)
	gcc $(CFLAGS_SELFTEST) -c -o $@ $<

$(SELFTEST): $(CORE)/selftest/guest.lds build/selftest/head.S.o \
		build/selftest/guest.c.o
	ld -m elf_i386 --oformat binary -z noexecstack -o $@ -T $^

$B/$(CORE)/selftest.o build/unit/$(CORE)/selftest.o: $(SELFTEST)

build/sysroot-i386/.done: | tests/fetch
	tests/fetch sysroot-i386

# In there only arrays of characters are worth a guard.
$L/.done: tests/libs | build/include/linux $(TOOLCHAIN)
	CC='$(CC)' CFLAGS='-Oz $(CFLAGS_SMALL)' \
		tests/libs $(ARCH) $(@D)

# musl-gcc does not see the system's headers; these few are all we want.
build/include/linux:
	@mkdir -p build/include
	ln -sfn /usr/include/asm-generic build/include/asm-generic
	ln -sfn /usr/include/$(shell gcc -print-multiarch)/asm build/include/asm
	ln -sfn /usr/include/zlib.h build/include/zlib.h
	ln -sfn /usr/include/zconf.h build/include/zconf.h
	ln -sfn /usr/include/linux $@

# --- the registry: directory listings as tables ------------------------

# $1 struct, $2 prefix of the names, $3 table, $4 entries; @ is a newline.
table = $(foreach n,$4,extern const struct $1 $2_$n;@)const struct $1 \
	*const $3[] = { $(foreach n,$4,&$2_$n,) NULL };@

REGISTRY = $(call table,applet,applet,applets,$(filter-out \
		$(WITHOUT),$(call entries,applets))) \
	$(call table,device_type,device,device_types,$(call \
		entries,$(CORE)/device)) \
	$(call table,bus,bus,buses,$(call entries,$(CORE)/bus)) \
	$(call table,hypervisor,hypervisor,hypervisors,$(filter-out \
		$(LACKING),$(call entries,$(CORE)/hypervisor)))

# Looked at each time, replaced only when a file came or went.
$B/registry.c: FORCE
	@mkdir -p $B
	@printf '%s\n' '/* Made by the Makefile. */' '#include "guest.h"' \
		'$(REGISTRY)' | tr '@' '\n' | sed 's/^ //' >$@.$$$$; \
	if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

# --- tests -------------------------------------------------------------

U = build/unit
# Where sanitizers let a program have something.
SANITIZED = -DUSER_END=0x50000f780000
SANITIZE = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer $(SANITIZED)
UNIT_OBJS = $(patsubst %.c,$U/%.o,$(filter-out lguest.c,$(SRCS)) \
	$(wildcard tests/unit/rig.c)) $U/registry.o
UNITS = $(patsubst %.c,$U/%,$(filter-out tests/unit/rig.c, \
	$(sort $(wildcard tests/unit/*.c))))
FUZZ = $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))
REPLAYS = $(FUZZ:%=$U/tests/fuzz/%)

$U/%.o: %.c Makefile
	@mkdir -p $(@D)
	gcc $(CFLAGS_ALL) $(SANITIZE) -Itests/unit -c -o $@ $<

$U/registry.o: $B/registry.c
	@mkdir -p $(@D)
	gcc $(CFLAGS_ALL) $(SANITIZE) -c -o $@ $<

# An archive, so that a test takes what it needs and may bring its own.
$U/core.a: $(UNIT_OBJS)
	rm -f $@
	ar rcs $@ $(UNIT_OBJS)

$U/tests/unit/%: $U/tests/unit/%.o $U/core.a
	gcc $(SANITIZE) -o $@ $^ -lz -lpthread

$U/tests/fuzz/%: $U/tests/fuzz/%.o $U/tests/replay.o $U/core.a
	gcc $(SANITIZE) -o $@ $^ -lz -lpthread

# A unit test in the Launcher's own architecture (tests/standin.test).
$B/gap: $B/tests/gap.o $B/$(CORE)/interruptible.o $L/.done
	$(call LINK,$(filter %.o,$^))

gap: $B/gap

unit-programs: $(UNITS)
fuzz-programs: $(REPLAYS)

unit: $(UNITS)
	@tests/run --units $(UNITS)

fuzz: $(FUZZ:%=build/fuzz/%)
	@tests/run --fuzz $(FUZZ_SECONDS) $^

# Not needed by `make test`, so not among its packages either.  A target's own
# functions go before ours, as they do where ours are an archive.
build/fuzz/%: tests/fuzz/%.c $(SRCS) $B/registry.c $(SELFTEST) Makefile
	@mkdir -p $(@D)
	@command -v clang >/dev/null || { echo "fuzz: apt-get install clang" \
		"libclang-rt-14-dev" >&2; exit 1; }
	clang -std=gnu11 $(CPPFLAGS) -Itests/unit -g -O1 \
		-Wno-gnu-variable-sized-type-not-at-end \
		-fsanitize=fuzzer,address,undefined \
		$(SANITIZED) -fno-sanitize-recover=all -Wl,-z,muldefs -o $@ $< \
		$(filter-out lguest.c,$(SRCS)) $(wildcard tests/unit/rig.c) \
		$B/registry.c -lz -lpthread

test:
	@tests/run

demo:
	@tests/demo

# With KERNEL=FILE, one of lguest's, also how fast it is as an ordinary process,
# and what memory that takes.
bench: deps
	@tests/bench/run
	@[ -z '$(KERNEL)' ] || { tests/real-paces '$(KERNEL)'; \
		tests/real-memory '$(KERNEL)'; }

deps:
	@tests/deps

# --- judging what was built ---------------------------------------------

check-binary: $B/lguest
	tests/check-binary $B/lguest
	$(if $(filter i386,$(ARCH)),,tests/check-resident $(RESIDENT))

size: $B/lguest
	@size -G $(OBJS) | sed 's,$B/,,'
	@size=$$(stat -c %s $B/lguest); echo "$B/lguest: $$size bytes" \
		"stripped, $(BUDGET) allowed"; [ $$size -le $(BUDGET) ]

lint: build/include/linux $B/registry.c $(SELFTEST)
	tests/lint $(SRCS) $(wildcard $(CORE)/selftest/*.c initramfs/*.c tests/replay.c tests/unit/*.c \
		tests/fuzz/*.c)

# --- making use of it ---------------------------------------------------

INSTALL = $(DESTDIR)$(PREFIX)
COMMANDS = $(filter-out run $(WITHOUT),$(call entries,applets))

install: $B/lguest
	install -D -m 755 $B/lguest $(INSTALL)/bin/lguest
	for c in $(COMMANDS); do \
		ln -sf lguest $(INSTALL)/bin/lguest-$$c || exit 1; done
	for p in $(filter-out $(WITHOUT),$(patsubst \
			applets/%.1,%,$(wildcard applets/*.1))); do \
		n=lguest-$$p; [ $$p != run ] || n=lguest; \
		install -D -m 644 applets/$$p.1 \
			$(INSTALL)/share/man/man1/$$n.1 || exit 1; done
	install -D -m 644 applets/completion.bash \
		$(INSTALL)/share/bash-completion/completions/lguest
	for c in $(COMMANDS); do ln -sf lguest \
		$(INSTALL)/share/bash-completion/completions/lguest-$$c || \
		exit 1; done

# What goes into initramfs images besides lguest.  The busybox of a 32-bit guest
# is unpacked, like the library, not installed.
BUSYBOX = $(if $(filter i386,$(ARCH)),build/busybox-i386/bin,/bin)/busybox
IMAGE = $(if $(filter x86_64,$(ARCH)),,-$(ARCH)).cpio.gz
MAKE_IMAGE = LGUEST=$B/lguest initramfs/make
SYSTEM = -i $B/init -b $(BUSYBOX) $(if $(MODULES),-m '$(MODULES)')

$B/init: $(patsubst %.c,$B/%.o,$(sort $(wildcard initramfs/*.c))) $L/.done
	$(call LINK,$(filter %.o,$^))
	strip -s -R .comment $@

# The Launcher, with what looks at its system calls.
$B/real-lguest-record: LDFLAGS_STATIC += -Wl,--wrap=open,--wrap=close \
	-Wl,--wrap=read,--wrap=write,--wrap=interruptible_read
$B/real-lguest-record: $B/tests/real-lguest-record.o $(OBJS) $L/.done
	$(call LINK,$< $(OBJS))
	strip -s $@

# The Launcher that takes no short ways with a PC's kernel, to compare with.
TRAPS = $(addprefix $(CORE)/hypervisor/user/,vdso.o window.o)
$B/traps/%.o: %.c Makefile | build/include/linux $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CFLAGS_STATIC) -mgeneral-regs-only \
		-fno-stack-protector -DWINDOWS=0 -c -o $@ $<

$B/lguest-traps: $(filter-out $(TRAPS:%=$B/%),$(OBJS)) $(TRAPS:%=$B/traps/%) \
		$L/.done
	$(call LINK,$(filter %.o,$^))

# These go into Guests and Hosts of tests/real-*.
$B/real-%: $B/tests/real-%.o $L/.done
	$(call LINK,$(filter %.o,$^))
	strip -s -R .comment $@

init: $B/init $B/lguest

initramfs: $B/init $B/lguest
	$(if $(filter i386,$(ARCH)),tests/fetch busybox-i386)
	$(MAKE_IMAGE) -l $B/lguest -o build/lguest-overlay$(IMAGE)
	$(MAKE_IMAGE) -l $B/lguest $(SYSTEM) -s rescue \
		-o build/rescue$(IMAGE) example=initramfs/example
	$(MAKE_IMAGE) $(SYSTEM) -o build/initramfs-$(ARCH).cpio.gz

clean:
	rm -rf build

help:
	@sed -n 's/^#:	//p' Makefile

#:	make [ARCH=i386]	build/x86_64/lguest, or build/i386/lguest
#:	make demo		boot Debian's kernel in it, from nothing, to a shell
#:	make test		install what tests need, build, run all tests
#:	make unit		the unit tests alone
#:	make fuzz		fuzz each target for FUZZ_SECONDS (60)
#:	make bench		measure, beside QEMU
#:	make install		into DESTDIR and PREFIX (/usr/local)
#:	make initramfs		build/rescue.cpio.gz, a Host with lguest in it;
#:				build/lguest-overlay.cpio.gz, to put behind an
#:				initrd; build/initramfs-ARCH.cpio.gz, a Guest;
#:				modules from MODULES=DIR (/lib/modules/VERSION)
#:	make size		bytes by object; fails above the budget
#:	make lint		what compilers and cppcheck find; house style
#:	make check-binary	static, and nothing writable is executable
#:	make deps		apt-get install what is missing, removing nothing
#:	make clean		remove build/

.PHONY: all gap unit-programs fuzz-programs unit fuzz test demo bench deps \
	check-binary size lint install init initramfs clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

-include $(OBJS:.o=.d) $(TRAPS:%.o=$B/traps/%.d) \
	$(UNIT_OBJS:.o=.d) $(UNITS:=.d) $(REPLAYS:=.d) $(wildcard $B/initramfs/*.d)
