/* SPDX-License-Identifier: GPL-2.0-only */
/* Yes, no, unknown: whatever this Host has, for hypervisors of our own. */
#include "rig.h"
#include "subject.h"

static unsigned asked;

static bool any_can(const struct image *image, char *why)
{
	(void)image, (void)why;
	asked++;
	return true;
}

static bool none_can(const struct image *image, char *why)
{
	(void)image;
	snprintf(why, WHY_MAX, "it is closed today");
	return false;
}

/* Of lguest's kind: it wants Guests of its own. */
static bool picky_can(const struct image *image, char *why)
{
	snprintf(why, WHY_MAX, "not mine");
	return image->lguest != LGUEST_NO;
}

static const struct hypervisor any = { .name = "any", .can = any_can },
	none = { .name = "none", .can = none_can },
	picky = { .name = "picky", .can = picky_can };

static char why[WHY_MAX];

static struct subject kernel(const char *version)
{
	struct subject s = {
		.kind = SUBJECT_KERNEL, .payload_known = true,
		.fd = -1, .inside_fd = -1,
		.config_why = "packed",
	};

	snprintf(s.image.version, sizeof(s.image.version), "%s", version);
	subject_find_lguest(&s);
	return s;
}

static void answers_of(void)
{
	struct subject s = kernel("3.2.1");

	CHECK_EQ(s.image.lguest, LGUEST_MAYBE);
	CHECK_EQ(subject_can(&s, &any, why), ANSWER_YES);
	CHECK_EQ(subject_can(&s, &none, why), ANSWER_NO);
	CHECK(!strcmp(why, "it is closed today"));
	CHECK_EQ(subject_can(&s, &picky, why), ANSWER_UNKNOWN);
	CHECK(!strcmp(why, "packed"));
	s.image.lguest = LGUEST_YES;
	CHECK_EQ(subject_can(&s, &picky, why), ANSWER_YES);
	s.image.lguest = LGUEST_NO;
	CHECK_EQ(subject_can(&s, &picky, why), ANSWER_NO);
	CHECK(!strcmp(why, "not mine"));
}

static void unknown_payload(void)
{
	struct subject s = kernel("3.2.1");

	s.payload_known = false;
	CHECK_EQ(subject_can(&s, &any, why), ANSWER_UNKNOWN);
	CHECK_EQ(subject_can(&s, &none, why), ANSWER_NO);
}

static void no_kernel(void)
{
	struct subject s = kernel("3.2.1");

	asked = 0;
	s.kind = SUBJECT_INITRD;
	CHECK_EQ(subject_can(&s, &any, why), ANSWER_NO);
	CHECK(!strcmp(why, "not a kernel"));
	s = kernel("3.2.1");
	s.packing = packing_find((uint8_t *)"\x1f\x8b\x08", 3);
	CHECK_EQ(subject_can(&s, &any, why), ANSWER_NO);
	CHECK(strstr(why, "unpack it first"));
	CHECK_EQ(asked, 0);
}

static void releases(void)
{
	static const struct {
		const char *version, *bus;
		int lguest;
	} rows[] = {
		{ "2.6.22", NULL, LGUEST_NO },
		{ "2.6.23", "lguest", LGUEST_MAYBE },
		{ "2.6.32-5-686", "lguest", LGUEST_MAYBE },
		{ "3.19.8", "lguest", LGUEST_MAYBE },
		{ "4.0.0-rc1", "pci", LGUEST_MAYBE },
		{ "4.13.16", "pci", LGUEST_MAYBE },
		{ "4.14", NULL, LGUEST_NO },
		{ "10.0.1", NULL, LGUEST_NO },
		{ "", NULL, LGUEST_MAYBE },
		{ "mine", NULL, LGUEST_MAYBE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct subject s = kernel(rows[i].version);

		CHECK_EQ(s.image.lguest, rows[i].lguest);
		CHECK(rows[i].bus ? s.lguest_bus &&
		      !strcmp(rows[i].bus, s.lguest_bus) : !s.lguest_bus);
	}
}

int main(void)
{
	RUN(answers_of);
	RUN(unknown_payload);
	RUN(no_kernel);
	RUN(releases);
	return rig_done();
}
