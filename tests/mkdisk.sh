#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# lguest-mkdisk: what it makes is judged by e2fsck, debugfs, GNU cpio and
# gzip, compared with what went in; what it refuses leaves everything as it
# was.  SEED=N repeats a run.
set -u
PATH=$PATH:/sbin:/usr/sbin
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh
top=$PWD
make -s || { fail build "make"; exit 1; }
scratch
chmod 755 "$dir"
ln -s "$top/build/x86_64/lguest" "$dir/lguest-mkdisk"
mkdisk=$dir/lguest-mkdisk
cd "$dir" || exit 1
unset SOURCE_DATE_EPOCH
seed=${SEED:-$(date +%N | sed 's/^0*//')}
echo "seed: SEED=$seed"

clean() {	# clean IMAGE: e2fsck finds nothing
	e2fsck -fn "$1" >"$1.log" 2>&1 || { cat "$1.log"; false; }
}

# --- a random tree, and random images of it ------------------------------

python3 "$top/tests/mkdisk-tree" make "$seed" tree >tree.log 2>&1 ||
	fail tree "$(cat tree.log)"
n=0
for bs in 1024 2048 4096; do
	for size in "--free=0" "--free=3M" "-s 64M" "-s 64G"; do
		n=$((n + 1))
		name="ext2-$bs-$(echo "$size" | tr -d ' -')"
		if ! "$mkdisk" -f -t ext2 -b $bs $size -d tree img; then
			fail "$name" "was not made"
		elif ! clean img; then
			fail "$name" "e2fsck has something to say"
		elif ! python3 "$top/tests/mkdisk-tree" ext2 tree img; then
			fail "$name" "another tree came out"
		else
			pass "$name"
		fi
	done
done
rm -f img
# Empty ones: each size once with a random block size.
for size in 64K 65024 100K 1M 8193K 9M 200M 3G 64G; do
	seed2=$((seed + n)) n=$((n + 1))
	bs=$((1024 << (seed2 % 3)))
	"$mkdisk" -f -t ext2 -b $bs -s $size img
	check "empty-$size-$bs" "e2fsck has something to say" clean img
done
# Group borders are where the arithmetic is.
for k in 8192 8193 8194 8200 8300 8400 8500 16385 16386 16700 24577 25000; do
	"$mkdisk" -f -t ext2 -b 1024 -s ${k}K -d tree img 2>err ||
		grep -q 'do not fit' err || fail "border-$k" "$(cat err)"
	[ -s err ] || check "border-$k" "e2fsck" clean img
done
check sparse-64G "takes more than 100 MB on the Host" \
	[ "$(du -k img | cut -f1)" -lt 100000 ]
rm -f img

# --- the same through tar ------------------------------------------------

tar -C tree --format=gnu -cf gnu.tar .
tar -C tree --format=pax -czf pax.tgz .
for archive in gnu.tar pax.tgz -; do
	if [ $archive = - ]; then
		"$mkdisk" -f -t ext2 -a - img <pax.tgz
	else
		"$mkdisk" -f -t ext2 -a $archive img
	fi
	check "tar-$archive-clean" "e2fsck" clean img
	# tar keeps no sockets, and in GNU's format no fractions of seconds.
	check "tar-$archive" "another tree came out" \
		python3 "$top/tests/mkdisk-tree" ext2-tar tree img
done

# --- cpio ------------------------------------------------------------------

"$mkdisk" -t cpio -d tree tree.cpio
"$mkdisk" -t cpio -z -d tree tree.cpio.gz
check cpio-gzip "gzip does not unpack it" gzip -t tree.cpio.gz
gzip -dc tree.cpio.gz | cmp -s - tree.cpio &&
	pass cpio-same || fail cpio-same "packed and plain differ"
mkdir out
(cd out && cpio -idm --quiet --no-preserve-owner <../tree.cpio)
check cpio "another tree came out" \
	python3 "$top/tests/mkdisk-tree" compare tree out
rm -rf out

mkdir small && echo two >small/two && printf one >one
(echo one | cpio -o --quiet -H newc | gzip; printf x) >both
before=$(stat -c %s both)
"$mkdisk" -t cpio --append -d small both
check append-aligned "not at a multiple of 4" \
	[ "$(dd if=both bs=1 skip=$(((before + 3) / 4 * 4)) count=6 \
		2>/dev/null)" = 070701 ]

# --- the list ----------------------------------------------------------------

cat >list <<-END
	# what the user could not create
	dir /dev 0755 0 0
	nod /dev/console 0600 0 5 c 5 1
	nod /dev/large 0640 0 6 b 300 70000
	pipe /dev/initctl 0600 0 0
	sock /dev/log 0666 0 0
	slink /bin/sh busybox 0777 0 0
	file /bin/busybox \${PLACE}/one 0755 3 70000 /bin/cat
	file /two one 0600 0 0
END
PLACE=. "$mkdisk" -t ext2 -d small -l list listed
check list-clean "e2fsck" clean listed
look() {	# look NAME PATH PATTERN
	debugfs -R "stat $2" listed 2>/dev/null | tr '\n' ' ' >look.out
	if grep -qE "$3" look.out; then pass "$1"; else
		fail "$1" "$(cat look.out)"; fi
}
look list-console /dev/console 'Type: character.*Mode:  0600.*Group:     5 .*number: 05:01'
look list-large /dev/large 'Type: block.*number: 300:70000'
look list-fifo /dev/initctl 'Type: FIFO'
look list-socket /dev/log 'Type: socket'
look list-symlink /bin/sh 'Fast link dest: "busybox"'
look list-file /bin/cat 'Mode:  0755.*User:     3   Group: 70000.*Links: 2'
check list-replaces "not the list's" \
	[ "$(debugfs -R 'cat /two' listed 2>/dev/null)" = one ]
PLACE=. "$mkdisk" -t cpio -d small -l list listed.cpio
check list-cpio "not there" sh -c \
	'cpio -itv --quiet <listed.cpio | grep -q "^crw.* 5,  *1 .* dev/console"'

# --- raw -------------------------------------------------------------------

"$mkdisk" -s 3G raw
check raw-size "not 3 GiB of nothing" [ "$(stat -c %s-%b raw)" = 3221225472-0 ]
{ head -c 1000000 /dev/urandom; head -c 5000000 /dev/zero; printf end; } >in
gzip -c in >in.gz
for from in in in.gz -; do
	"$mkdisk" -f --from $from raw <in.gz
	cmp -s -n 6000003 in raw && [ "$(stat -c %s raw)" = 6000128 ] &&
		pass "raw-from-$from" || fail "raw-from-$from" "differs"
	check "raw-holes-$from" "zeroes take room" \
		[ "$(stat -c %b raw)" -lt 4000 ]
done

# --- the same input, the same bytes ----------------------------------------

cp -a tree again
for how in "-t ext2 -d" "-t cpio -z -d"; do
	"$mkdisk" -f $how tree same1
	taskset 1 "$mkdisk" -f $how again same2
	check "same-${how#-t }" "differ" cmp -s same1 same2
done
SOURCE_DATE_EPOCH=86400 "$mkdisk" -f -t ext2 -d small same1
touch small/two small
SOURCE_DATE_EPOCH=86400 "$mkdisk" -f -t ext2 -d small same2
check same-epoch "differ" cmp -s same1 same2
rm -rf again same1 same2 in in.gz raw

# --- refusals ----------------------------------------------------------------

state() {
	ls -A; cksum keep list tree.cpio
}
echo keep >keep
# no NAME STATUS LINE ARGUMENTS...: it refuses with this line; nothing changes.
no() {
	name=$1 want=$2 line=$3
	shift 3
	before=$(state)
	timeout 60 "$mkdisk" "$@" >"$dir.out" 2>"$dir.err" </dev/null
	status=$?
	said=$(cat "$dir.err")
	if [ $status -ne "$want" ]; then
		fail "$name" "status $status, not $want: $said"
	elif [ "$(state)" != "$before" ]; then
		fail "$name" "something changed: $(ls -A)"
	elif [ "$(wc -l <"$dir.err")" -ne 1 ] || [ -s "$dir.out" ]; then
		fail "$name" "not one line on stderr: $said"
	else
		case $said in
		"lguest-mkdisk: "$line) pass "$name" ;;
		*) fail "$name" "said '$said', not '$line'" ;;
		esac
	fi
	rm -f "$dir.out" "$dir.err"
}
no exists 1 'keep: is there already; --force replaces it' -s 1M keep
no nothing 2 'usage: *' -s 1M
no type 2 '--type=fat: not raw, ext2 or cpio' -t fat x
no size-odd 2 '--size=1000: not a multiple of 512' -s 1000 x
no size-text 2 '--size=1Q: not a size*' -s 1Q x
no size-huge 2 '--size=99999999T: not a size*' -s 99999999T x
no size-none 2 '--type=raw wants --size or --from' x
no raw-dir 2 '--dir: not with --type=raw' -s 1M -d small x
no ext2-gzip 2 '--gzip: not with --type=ext2' -t ext2 -z -s 1M x
no cpio-size 2 '--size: not with --type=cpio' -t cpio -s 1M -d small x
no cpio-empty 2 '--type=cpio wants*' -t cpio x
no blocks 2 '--block-size=512: not 1024*' -t ext2 -b 512 -s 1M x
no uuid 2 '--uuid=12: not a UUID' -t ext2 -U 12 -s 1M x
no label 2 '--label=* more than 16 bytes' -t ext2 -L 12345678901234567 -s 1M x
no owner 2 '--owner=root: not UID:GID*' -t ext2 --owner root -s 1M x
no both-sizes 2 '--size and --free: which one?' -t ext2 -s 1M --free 1M x
no no-letter 2 '-s wants an argument; see --help' x -s
no no-dir 1 'open missing: No such file or directory' -t ext2 -d missing x
no no-place 1 '*missing/x: No such file or directory' -s 1M missing/x
no is-dir 1 'small: is there and is not a regular file' -f -s 1M small
no device 1 '/dev/null: is there and is not*' -f -s 1M /dev/null
no tiny 1 'x: 8192 bytes are too few*' -t ext2 -s 8K x
no full 1 'x: the files do not fit in 131072 bytes*' -t ext2 -s 128K \
	-a gnu.tar x
no from-large 1 'gnu.tar: larger than 512 bytes' -s 512 --from gnu.tar x
no append-what 1 'keep: not an initramfs*' -t cpio --append -d small keep
no append-none 1 'append to x: No such file or directory' -t cpio --append \
	-d small x
no epoch-fine 1 'open missing*' -t ext2 -d missing x
SOURCE_DATE_EPOCH=soon no epoch 2 'SOURCE_DATE_EPOCH=soon: *' -s 1M x

# Archives that lie.
python3 "$top/tests/mkdisk-tree" bad bad
no tar-dotdot 1 'bad/dotdot.tar: ../evil: a name with ..*' -t cpio \
	-a bad/dotdot.tar x
no tar-twice 1 '/a: comes twice' -t cpio -a bad/twice.tar x
no tar-nolink 1 'bad/nolink.tar: /b is a hard link to missing, which*' \
	-t ext2 -a bad/nolink.tar x
no tar-through 1 '/a: is not a directory*' -t ext2 -a bad/through.tar x
no tar-cut 1 'bad/cut.tar: the archive is cut off' -t ext2 -a bad/cut.tar x
no tar-noend 1 'bad/noend.tar: the archive is cut off' -t ext2 \
	-a bad/noend.tar x
no tar-none 1 'keep: *' -t ext2 -a keep x
head -c 3000 pax.tgz >bad/cut.tgz
no tgz-cut 1 'bad/cut.tgz: the gzip data is cut off' -t ext2 -a bad/cut.tgz x
"$mkdisk" -t cpio -a bad/absolute.tar absolute.cpio
check tar-absolute "leads out" sh -c \
	'cpio -it --quiet <absolute.cpio | grep -qx "etc/evil"'
rm -f absolute.cpio
for line in 'dir' 'dir /a 0999 0 0' 'dir /a 0755 -1 0' 'nonsense /a' \
	'nod /a 0600 0 0 x 1 2' 'dir /a/../../b 0755 0 0' 'dir /a 0755 0 0 0'; do
	echo "$line" >badlist
	no "list '$line'" 1 'badlist:1: *' -t cpio -l badlist x
done
printf 'dir /a 0755 0 0\ndir /a 0755 0 0\n' >badlist
no list-twice 1 '/a: comes twice' -t cpio -l badlist x
(ulimit -f 100; no full-disk 1 '*: File too large' -t ext2 -a gnu.tar x)

# --- who holds an image keeps it ----------------------------------------

cp keep held
python3 - <<-'END' &
	import fcntl, os, struct, time
	fd = os.open("held", os.O_RDWR)
	fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
	open("locked", "w").close()
	time.sleep(30)
END
holder=$!
within 10 test -e locked
no locked 1 'held: locked: another Launcher is using it' -f -s 1M held
ln -s held alias
no locked-link 1 'alias: locked: another Launcher is using it' -f -s 1M alias
ln held other
no locked-name 1 'other: locked: another Launcher is using it' -f -s 1M other
no locked-without 1 'held: is there already*' -s 1M held
check locked-kept "changed" cmp -s keep held
kill $holder
wait $holder 2>/dev/null
"$mkdisk" -f -s 1M alias
[ -L alias ] && [ "$(stat -c %s held)" = 1048576 ] &&
	pass through-link || fail through-link "the link was replaced"

# --- interrupted -------------------------------------------------------------

mkfifo pipe
for signal in INT TERM HUP PIPE; do
	cp keep victim
	before=$(ls -A)
	# Behind a pipe that gives nothing more it waits, half done.
	"$mkdisk" -f --from pipe victim &
	maker=$!
	exec 9>pipe
	head -c 300000 /dev/urandom >&9
	within 10 sh -c 'ls -A | grep -q "^\.victim\."'
	[ $signal != INT ] || trap - INT
	kill -$([ $signal = INT ] && echo TERM || echo $signal) $maker
	wait $maker 2>/dev/null
	exec 9>&-
	if [ "$(ls -A)" != "$before" ]; then
		fail "interrupted-$signal" "left: $(ls -A)"
	else
		check "interrupted-$signal" "the old file changed" \
			cmp -s keep victim
	fi
done
rm -f pipe

# --- help and manual -------------------------------------------------------

"$mkdisk" --help >help.out 2>&1
check help "has no options" grep -q -- --append help.out
for option in $(grep -oE '^ +(-., )?--[a-z-]+' help.out | sed 's/.*--//'); do
	grep -qE "^\.It .*Fl -$option( |$)" "$top/applets/mkdisk.1" ||
		fail "manual-$option" "not in the man page"
done
pass manual
"$top/build/x86_64/lguest" mkdisk -s 1M word && pass by-word ||
	fail by-word "lguest mkdisk does not work"

# The man page's examples, as they are there.
mkdir examples && cd examples || exit 1
cp -r ../small rootdir && tar -C ../small -czf root.tar.gz .
cp ../tree.cpio.gz initrd.img
mkdir -p build && cp ../one build/busybox
sed -n '/^\.Sh EXAMPLES/,/^\.Sh EXIT/s/^\.Dl //p' "$top/applets/mkdisk.1" |
	sed 's/\\-/-/g' >../examples.sh
PATH=$dir:$PATH sh -e ../examples.sh >../examples.log 2>&1 &&
	pass examples || fail examples "$(cat ../examples.log)"
