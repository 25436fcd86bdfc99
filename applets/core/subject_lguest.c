/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can this kernel be a Guest of lguest, and does a hypervisor run it here?
 * What nobody can see from outside is `unknown`: a script that is told "yes"
 * for a guess fails where it is hardest to see why.
 */
#include <string.h>

#include "image.h"
#include "subject.h"

#define OPTION	"CONFIG_LGUEST_GUEST"

/* Linux had them from 2.6.23 to 4.13; from 4.0 on they look for PCI. */
#define RELEASE(a, b, c)	((a) << 16 | (b) << 8 | (c))
#define FIRST	RELEASE(2, 6, 23)
#define PCI	RELEASE(4, 0, 0)
#define GONE	RELEASE(4, 14, 0)

const char *const answers[] = {
	[ANSWER_YES] = "yes", [ANSWER_NO] = "no", [ANSWER_UNKNOWN] = "unknown",
};

/* 0 if it is not known, or no release of Linux. */
static unsigned release(const struct subject *s)
{
	unsigned n[3] = { 0 };
	const char *at = s->image.version;

	for (unsigned i = 0; i < 3; i++) {
		if (*at < '0' || *at > '9')
			return 0;
		for (; *at >= '0' && *at <= '9'; at++)
			n[i] = (n[i] * 10 + *at - '0') & 0xff;
		if (*at != '.')
			break;
		at++;
	}
	return RELEASE(n[0], n[1], n[2]);
}

static void decide(struct subject *s, bool yes, const char *why)
{
	s->image.lguest = yes ? LGUEST_YES : LGUEST_NO;
	snprintf(s->lguest_why, WHY_MAX, "%s", why);
}

/* From the surest evidence to the least. */
static void evidence_weigh(struct subject *s)
{
	unsigned r = release(s);

	if (s->image.is_64 || (s->inside_fd >= 0 && s->inside.is_64))
		decide(s, false, "64-bit");
	else if (s->config)
		decide(s, config_has(s->config, OPTION, "y"),
		       config_has(s->config, OPTION, "y") ? OPTION "=y" :
		       "no " OPTION);
	else if (r && (r < FIRST || r >= GONE))
		decide(s, false, "only Linux 2.6.23 to 4.13 can");
	else if (s->vmlinux.says_lguest)
		decide(s, true, "it calls itself LGUEST");
	else if (*s->vmlinux.banner)
		decide(s, false, "nothing of lguest is in it");
	else
		snprintf(s->lguest_why, WHY_MAX, "%s", s->inside_fd >= 0 ?
			 "it has no banner of Linux" : s->config_why);
}

void subject_find_lguest(struct subject *s)
{
	unsigned r = release(s);

	evidence_weigh(s);
	if (s->image.lguest != LGUEST_NO && r)
		s->lguest_bus = r >= PCI ? "pci" : "lguest";
}

static enum answer refuse(enum answer answer, char *why, const char *what)
{
	snprintf(why, WHY_MAX, "%s", what);
	return answer;
}

const struct image *subject_image(const struct subject *s,
				  const struct hypervisor *h)
{
	return h->unpacks && s->inside_fd >= 0 ? &s->inside : &s->image;
}

/*
 * Where we do not know whether it can be an lguest Guest, a hypervisor that
 * says yes is asked once more with the worst: then its yes holds, or it hung
 * on what we do not know.
 */
enum answer subject_can(const struct subject *s, const struct hypervisor *h,
			char *why)
{
	struct image image = *subject_image(s, h);

	*why = '\0';
	if (s->kind != SUBJECT_KERNEL)
		return refuse(ANSWER_NO, why, "not a kernel");
	if (s->packing)
		return refuse(ANSWER_NO, why, "a gzip file: unpack it first");
	if (!h->can(&image, why))
		return ANSWER_NO;
	if (!s->payload_known)
		return refuse(ANSWER_UNKNOWN, why, s->config_why);
	if (image.lguest != LGUEST_MAYBE)
		return ANSWER_YES;
	image.lguest = LGUEST_NO;
	if (h->can(&image, why))
		return ANSWER_YES;
	return refuse(ANSWER_UNKNOWN, why, s->lguest_why);
}
