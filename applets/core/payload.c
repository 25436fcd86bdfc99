/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vmlinux in a bzImage, for hypervisors that would rather enter that than
 * watch a Guest unpack itself.  It is unpacked once, while we may still open
 * files, and kept: a reboot loads it again from the same descriptor.
 */
#include <stdlib.h>
#include <unistd.h>

#include "subject.h"

/* Is it a file of its own?  An ELF kernel's inside is the kernel itself. */
static bool payload_is_ours(const struct subject *s)
{
	return s->inside_fd >= 0 && s->inside_fd != s->fd;
}

static struct subject *payload_open(struct guest *g)
{
	struct subject *s = xzalloc(sizeof(*s));

	s->name = load_name(g->plan->kernel);
	s->fd = g->kernel_fd;
	s->inside_fd = -1;
	s->image = *g->image;
	/* A Guest's own decompressor would stop at it, with fewer words. */
	if (!subject_look_kernel(s))
		die("%s: %s", s->name, s->why);
	if (s->inside_fd < 0)
		verbose("%s is not unpacked: %s", s->name, s->config_why);
	/* Whoever is asked next may know too what we saw. */
	*g->image = s->image;
	return s;
}

const struct image *payload_look(struct guest *g)
{
	if (g->image->is_64)
		return g->image;
	if (!g->subject)
		g->subject = payload_open(g);
	return payload_is_ours(g->subject) ? &g->subject->inside : g->image;
}

void payload_take(struct guest *g)
{
	struct subject *s = g->subject;

	if (!s)
		return;
	if (payload_is_ours(s) && g->hv->unpacks) {
		verbose("%s: its vmlinux of %llu KiB is unpacked", s->name,
			(unsigned long long)s->inside.file_size >> 10);
		*g->image = s->inside;
		g->kernel_fd = s->inside_fd;
		close(s->fd);
	} else if (payload_is_ours(s)) {
		close(s->inside_fd);
	}
	free(s->config);
	free(s);
	g->subject = NULL;
}
