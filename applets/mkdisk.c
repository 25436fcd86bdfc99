/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lguest-mkdisk: makes disk images and initramfs archives.  Nothing is mounted
 * and no other program is called, so neither root nor a full system is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpio.h"
#include "ext2.h"
#include "raw.h"

enum { RAW = 1, EXT2 = 2, CPIO = 4 };

/* The command line while it is read. */
struct mkdisk {
	const char *type, *size, *free, *from;
	const char *dir, *archive, *list;
	const char *label, *uuid, *block_size, *owner;
	bool gzip, append, force;
	unsigned kind;
	struct ext2_options ext2;
	struct tree tree;
	struct target target;
};

static void mkdisk_help(void *where, const struct option_row *row,
			char *value);

#define AT(field)	offsetof(struct mkdisk, field)

static const struct option_row rows[] = {
	{ "type", "TYPE", "raw (default), ext2 or cpio",
	  OPTION_STRING, .letter = 't', .offset = AT(type) },
	{ "size", "SIZE", "raw, ext2: bytes of the image, as in 64M or 2G",
	  OPTION_STRING, .letter = 's', .offset = AT(size), .min = RAW | EXT2 },
	{ "free", "SIZE", "ext2: as large as the files need, and so much more",
	  OPTION_STRING, .offset = AT(free), .min = EXT2 },
	{ "from", "FILE", "raw: what goes in; cpio: an initramfs that goes first",
	  OPTION_STRING, .offset = AT(from), .min = RAW | CPIO },
	{ "dir", "DIR", "ext2, cpio: all that is in this directory",
	  OPTION_STRING, .letter = 'd', .offset = AT(dir), .min = EXT2 | CPIO },
	{ "archive", "TAR", "ext2, cpio: all that is in this tar archive",
	  OPTION_STRING, .letter = 'a', .offset = AT(archive),
	  .min = EXT2 | CPIO },
	{ "list", "LIST", "ext2, cpio: nodes, owners and more, a line each",
	  OPTION_STRING, .letter = 'l', .offset = AT(list),
	  .min = EXT2 | CPIO },
	{ "owner", "UID:GID", "ext2, cpio: of all files but the list's",
	  OPTION_STRING, .offset = AT(owner), .min = EXT2 | CPIO },
	{ "label", "LABEL", "ext2: its name, up to 16 bytes",
	  OPTION_STRING, .letter = 'L', .offset = AT(label), .min = EXT2 },
	{ "uuid", "UUID", "ext2: otherwise made from what goes in",
	  OPTION_STRING, .letter = 'U', .offset = AT(uuid), .min = EXT2 },
	{ "block-size", "BYTES", "ext2: 1024, 2048 or 4096",
	  OPTION_STRING, .letter = 'b', .offset = AT(block_size), .min = EXT2 },
	{ "gzip", NULL, "cpio: compress it",
	  OPTION_FLAG, .letter = 'z', .offset = AT(gzip), .min = CPIO },
	{ "append", NULL, "cpio: put it behind the archive in FILE",
	  OPTION_FLAG, .offset = AT(append), .min = CPIO },
	{ "force", NULL, "replace FILE",
	  OPTION_FLAG, .letter = 'f', .offset = AT(force) },
	{ "help", NULL, "print this and leave",
	  OPTION_CALL, .letter = 'h', .take = mkdisk_help },
	{ 0 }
};

static void mkdisk_help(void *where, const struct option_row *row, char *value)
{
	(void)where, (void)row, (void)value;
	printf("usage: lguest-mkdisk [options] FILE\n"
	       "Makes FILE: a disk image or an initramfs.\n\n");
	options_help(rows);
	printf("\nFILE gets its name when it is complete; one that a Guest uses is left alone.\n"
	       "\nLIST has the format of the kernel's gen_init_cpio:\n"
	       "  file NAME LOCATION MODE UID GID [HARD LINKS...]\n"
	       "  dir NAME MODE UID GID\n"
	       "  nod NAME MODE UID GID b|c MAJOR MINOR\n"
	       "  slink NAME TARGET MODE UID GID\n"
	       "  pipe|sock NAME MODE UID GID\n"
	       "\nSOURCE_DATE_EPOCH is the time of what has none, and no file is newer.\n"
	       "\nexit status: 0 it is made; 1 it is not; 2 usage\n");
	exit(STATUS_POWEROFF);
}

static void parse_kind(struct mkdisk *m)
{
	static const char *const names[] = {
		[RAW] = "raw", [EXT2] = "ext2", [CPIO] = "cpio",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcmp(m->type, names[i]))
			m->kind = i;
	if (!m->kind)
		die_usage("--type=%s: not raw, ext2 or cpio", m->type);
	/* A row's min says which types the option is for; 0: all. */
	for (const struct option_row *r = rows; r->name; r++) {
		const char *at = (const char *)m + r->offset;
		bool given = r->kind == OPTION_FLAG ? *(const bool *)at :
			     r->kind == OPTION_STRING &&
			     *(const char *const *)at;

		if (given && r->min && !(r->min & m->kind))
			die_usage("--%s: not with --type=%s", r->name,
				  m->type);
	}
}

static uint64_t parse_bytes(const char *option, const char *text)
{
	uint64_t n;

	if (!parse_size(text, 1, &n) || n > INT64_MAX)
		die_usage("--%s=%s: not a size, as in 65536, 64M or 2G",
			  option, text);
	return n;
}

static bool has_tree(const struct mkdisk *m)
{
	return m->dir || m->archive || m->list;
}

static void parse_sizes(struct mkdisk *m)
{
	struct ext2_options *o = &m->ext2;
	uint64_t n;

	if (m->size)
		o->size = parse_bytes("size", m->size);
	if (m->size && (!o->size || o->size % 512))
		die_usage("--size=%s: not a multiple of 512", m->size);
	if (m->free)
		o->free = parse_bytes("free", m->free);
	if (m->size && m->free)
		die_usage("--size and --free: which one?");
	if (m->kind == RAW && !m->size && !m->from)
		die_usage("--type=raw wants --size or --from");
	if (m->kind == EXT2 && !m->size && !m->free && !has_tree(m))
		die_usage("--type=ext2 wants --size, --free or something that goes in");
	if (m->kind == CPIO && !has_tree(m) && !m->from)
		die_usage("--type=cpio wants --dir, --archive, --list or --from");
	if (!m->block_size)
		return;
	if (!parse_number(m->block_size, 1024, 4096, &n) || n & (n - 1))
		die_usage("--block-size=%s: not 1024, 2048 or 4096",
			  m->block_size);
	o->block_size = n;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' ? c | 0x20 : c) : NULL;

	return at ? at - digits : -1;
}

static void parse_uuid(struct mkdisk *m)
{
	const char *c = m->uuid;

	for (unsigned i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *c++ != '-')
			die_usage("--uuid=%s: not a UUID", m->uuid);
		if (hex_digit(c[0]) < 0 || hex_digit(c[1]) < 0)
			die_usage("--uuid=%s: not a UUID", m->uuid);
		m->ext2.uuid[i] = hex_digit(c[0]) << 4 | hex_digit(c[1]);
		c += 2;
	}
	if (*c)
		die_usage("--uuid=%s: not a UUID", m->uuid);
	m->ext2.has_uuid = true;
}

static void parse_owner(struct mkdisk *m)
{
	char text[32], *rest = text;
	uint64_t uid, gid;

	snprintf(text, sizeof(text), "%s", m->owner);
	/* -1 means nobody at all to the kernel. */
	if (strlen(m->owner) >= sizeof(text) ||
	    !parse_number(next_item(&rest, ':'), 0, UINT32_MAX - 1, &uid) ||
	    !rest || !parse_number(rest, 0, UINT32_MAX - 1, &gid))
		die_usage("--owner=%s: not UID:GID, as in 0:0", m->owner);
	m->tree.squash = true;
	m->tree.uid = uid;
	m->tree.gid = gid;
}

static void parse_epoch(struct mkdisk *m)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	uint64_t n;

	m->tree.epoch = INT64_MAX;
	if (!text || !*text)
		return;
	if (!parse_number(text, 0, UINT32_MAX, &n))
		die_usage("SOURCE_DATE_EPOCH=%s: not a number of seconds",
			  text);
	m->tree.epoch = n;
}

static void check_stdin_once(const struct mkdisk *m)
{
	const char *const readers[] = { m->archive, m->list, m->from };
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
		n += readers[i] && !strcmp(readers[i], "-");
	if (n > 1)
		die_usage("only one of --archive, --list and --from can be -");
}

/* Nothing is opened before all of it made sense. */
static void mkdisk_parse(struct mkdisk *m)
{
	parse_kind(m);
	parse_sizes(m);
	if (m->uuid)
		parse_uuid(m);
	if (m->label && strlen(m->label) > 16)
		die_usage("--label=%s: more than 16 bytes", m->label);
	m->ext2.label = m->label;
	if (m->owner)
		parse_owner(m);
	if (m->append && m->force)
		die_usage("--append and --force: which one?");
	parse_epoch(m);
	check_stdin_once(m);
}

/* The later ones may add to the earlier ones; a list has the last word. */
static void mkdisk_read(struct mkdisk *m)
{
	struct tree *t = &m->tree;

	tree_start(t);
	/* An image inside of the directory is not to contain itself. */
	if (m->target.old >= 0) {
		t->skip_dev = m->target.old_stat.st_dev;
		t->skip_ino = m->target.old_stat.st_ino;
	}
	if (m->dir)
		tree_read_dir(t, m->dir);
	if (m->archive)
		tree_read_tar(t, m->archive, m->target.path);
	if (m->list)
		tree_read_list(t, m->list);
}

/* How what the kernel takes for an initramfs may begin. */
static bool is_initramfs(const uint8_t *head)
{
	static const char *const magics[] = {
		"070701", "070702", "\x1f\x8b", "\xfd" "7zXZ", "BZh",
		"\x5d", "\x89LZO", "\x02\x21\x4c\x18", "\x28\xb5\x2f\xfd",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(magics); i++)
		if (!memcmp(head, magics[i], strlen(magics[i])))
			return true;
	return false;
}

/* An archive as it is; returns where the next one may begin. */
static uint64_t copy_archive(struct target *t, int fd, const char *name,
			     uint64_t off)
{
	static uint8_t buf[KIB(256)];
	bool begun = false;
	size_t n;

	while ((n = xread(fd, buf, sizeof(buf), name))) {
		if (!begun && (n < 8 || !is_initramfs(buf)))
			die("%s: not an initramfs, so nothing can follow it",
			    name);
		begun = true;
		target_write(t, buf, n, off);
		off += n;
	}
	if (!begun)
		die("%s: empty", name);
	/* The kernel looks for headers at multiples of four. */
	return ALIGN_UP(off, 4);
}

static void write_cpio(struct mkdisk *m)
{
	struct target *t = &m->target;
	uint64_t off = 0;

	if (m->append)
		off = copy_archive(t, t->old, t->name, off);
	if (m->from && !strcmp(m->from, "-"))
		off = copy_archive(t, 0, "standard input", off);
	else if (m->from)
		off = copy_archive(t, xopen(m->from, O_RDONLY, 0), m->from,
				   off);
	if (has_tree(m))
		cpio_write(t, off, &m->tree, m->gzip);
}

static void mkdisk_write(struct mkdisk *m)
{
	struct target *t = &m->target;

	switch (m->kind) {
	case RAW:
		raw_write(t, m->from, m->ext2.size);
		break;
	case EXT2:
		ext2_write(t, &m->tree, &m->ext2);
		break;
	default:
		tree_finish(&m->tree);
		write_cpio(m);
	}
}

static int mkdisk_main(int argc, char **argv)
{
	static struct mkdisk m = { .type = "raw" };
	int first = options_parse(rows, &m, argc, argv);

	if (argc - first != 1)
		die_usage("usage: lguest-mkdisk [options] FILE; see --help");
	mkdisk_parse(&m);
	target_check(&m.target, argv[first], m.force || m.append);
	if (m.append && m.target.old < 0) {
		errno = ENOENT;
		die_errno("append to %s", argv[first]);
	}
	if (m.kind != RAW)
		mkdisk_read(&m);
	target_create(&m.target);
	mkdisk_write(&m);
	target_commit(&m.target);
	return STATUS_POWEROFF;
}

const struct applet applet_mkdisk = {
	.name = "lguest-mkdisk",
	.summary = "make a disk image or an initramfs",
	.main = mkdisk_main,
};
