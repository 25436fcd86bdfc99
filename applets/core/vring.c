/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Split virtqueues (VIRTIO 2.7): the only code that touches the rings.
 *
 * The rings lie in Guest memory, so the Guest may change any of it at any
 * moment, by mistake or to see what happens.  Each field is read once, into a
 * copy; the copy is checked and used, and the field is never looked at again.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "guest.h"

static struct vring_avail *vq_avail(const struct virtqueue *q)
{
	return q->vavail;
}

static struct vring_used *vq_used(const struct virtqueue *q)
{
	return q->vused;
}

/* used_event: the driver wants an interrupt once we pass it (2.7.7). */
static uint16_t *vq_used_event(const struct virtqueue *q)
{
	return &vq_avail(q)->ring[q->size];
}

/* avail_event: we want a kick once the driver passes it (2.7.10). */
static uint16_t *vq_avail_event(const struct virtqueue *q)
{
	return (uint16_t *)&vq_used(q)->ring[q->size];
}

static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store16(uint16_t *p, uint16_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* Our stores come before our next loads, for the other side as well. */
static void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool overlaps(gpa_t a, uint64_t alen, gpa_t b, uint64_t blen)
{
	return a < b + blen && b < a + alen;
}

static const char *vq_check(struct virtqueue *q)
{
	const struct memory *m = &q->d->g->mem;
	uint64_t n = q->size;
	uint64_t ndesc = 16 * n, navail = 6 + 2 * n, nused = 6 + 8 * n;

	if (!n || n > q->size_max || (n & (n - 1)))
		return "size is no power of two within the limit (VIRTIO 2.7)";
	if ((q->desc & 15) || (q->avail & 1) || (q->used & 3))
		return "a ring is not aligned (VIRTIO 2.7)";
	q->vdesc = mem_at(m, q->desc, ndesc);
	q->vavail = mem_at(m, q->avail, navail);
	q->vused = mem_at(m, q->used, nused);
	if (!q->vdesc || !q->vavail || !q->vused)
		return "a ring is outside RAM (VIRTIO 2.7)";
	if (overlaps(q->desc, ndesc, q->avail, navail) ||
	    overlaps(q->desc, ndesc, q->used, nused) ||
	    overlaps(q->avail, navail, q->used, nused))
		return "its rings overlap (VIRTIO 2.7)";
	return NULL;
}

void vq_renegotiate(struct virtqueue *q)
{
	q->event_idx = virtio_has(q->d, VIRTIO_RING_F_EVENT_IDX);
	q->indirect = virtio_has(q->d, VIRTIO_RING_F_INDIRECT_DESC);
	q->notify_on_empty = virtio_has(q->d, VIRTIO_F_NOTIFY_ON_EMPTY);
}

bool vq_start(struct virtqueue *q, char *why)
{
	const char *wrong = vq_check(q);

	if (wrong) {
		snprintf(why, WHY_MAX, "%s", wrong);
		return false;
	}
	vq_renegotiate(q);
	q->last_avail = q->used_idx = q->signalled = 0;
	q->quiet = false;
	q->live = true;
	return true;
}

void vq_stop(struct virtqueue *q)
{
	q->live = false;
	q->vdesc = q->vavail = q->vused = NULL;
}

bool vq_has_work(struct virtqueue *q)
{
	return q->live && load16(&vq_avail(q)->idx) != q->last_avail;
}

void vq_quiet(struct virtqueue *q)
{
	if (!q->live || q->quiet)
		return;
	q->quiet = true;
	/* With EVENT_IDX an event index left behind is quiet enough. */
	if (!q->event_idx)
		store16(&vq_used(q)->flags, VRING_USED_F_NO_NOTIFY);
}

bool vq_listen(struct virtqueue *q)
{
	if (!q->live)
		return false;
	q->quiet = false;
	if (q->event_idx)
		store16(vq_avail_event(q), q->last_avail);
	else
		store16(&vq_used(q)->flags, 0);
	/*
	 * The driver adds, then looks whether to kick; we allow kicks, then
	 * look whether it added.  With a barrier on both sides one sees the
	 * other, and nothing is left lying.
	 */
	full_barrier();
	return vq_has_work(q);
}

/* Nobody said where an indirect table begins: at an odd address, perhaps. */
struct word {
	uint32_t value;
} __attribute__((packed, may_alias));

/* A descriptor, each word read exactly once. */
static struct vring_desc desc_read(const void *table, unsigned i)
{
	const volatile struct word *from = (const struct word *)table + 4 * i;
	uint32_t word[4] = {
		from[0].value, from[1].value, from[2].value, from[3].value,
	};
	struct vring_desc desc;

	memcpy(&desc, word, sizeof(desc));
	return desc;
}

/* Where a walk through a chain stands. */
struct walk {
	struct virtqueue *q;
	const void *table;
	unsigned entries;	/* of this table */
	unsigned next;
	unsigned taken;		/* buffers so far: they are bounded */
	bool indirect;		/* in an indirect table already */
	bool done;
	const struct region *low;	/* RAM from 0 on */
};

/*
 * A frame's buffer may be 18 descriptors, and nearly all RAM is what is below
 * the first hole: so there is a short way there.
 */
static void *walk_at(const struct walk *w, const struct vring_desc *desc)
{
	size_t size = w->low->size;

	if (desc->addr < size && desc->len <= size - (size_t)desc->addr)
		return w->low->host + (size_t)desc->addr;
	return mem_at(&w->q->d->g->mem, desc->addr, desc->len);
}

/* One buffer of the chain.  Returns what is wrong with it, or NULL. */
static const char *walk_buffer(struct walk *w, struct chain *c,
			       const struct vring_desc *desc)
{
	struct iovec *iov = &c->iov[c->nout + c->nin];
	bool in = desc->flags & VRING_DESC_F_WRITE;
	void *host;

	if (!in && c->nin)
		return "readable buffer after a writable one (VIRTIO 2.7.4.2)";
	if (!desc->len)
		return NULL;
	host = walk_at(w, desc);
	if (!host)
		return "buffer outside RAM (VIRTIO 2.7.5)";
	*iov = (struct iovec){ host, desc->len };
	if (in) {
		c->nin++;
		c->in_len += desc->len;
	} else {
		c->nout++;
		c->out_len += desc->len;
	}
	return NULL;
}

/* Steps into an indirect table (VIRTIO 2.7.5.3). */
static const char *walk_indirect(struct walk *w, const struct vring_desc *desc)
{
	if (!w->q->indirect)
		return "indirect table that was not negotiated (VIRTIO 2.7.5.3.1)";
	if (w->indirect)
		return "indirect table in an indirect table (VIRTIO 2.7.5.3.1)";
	if (desc->flags & VRING_DESC_F_NEXT)
		return "indirect table with a next (VIRTIO 2.7.5.3.1)";
	if (!desc->len || desc->len % 16)
		return "indirect table of odd size (VIRTIO 2.7.5.3.1)";
	if (desc->len / 16 > w->q->size)
		return "indirect table longer than the queue (VIRTIO 2.7.5.3.1)";
	w->table = mem_at(&w->q->d->g->mem, desc->addr, desc->len);
	if (!w->table)
		return "indirect table outside RAM (VIRTIO 2.7.5.3.1)";
	w->entries = desc->len / 16;
	w->next = 0;
	w->indirect = true;
	return NULL;
}

static const char *walk_step(struct walk *w, struct chain *c)
{
	struct vring_desc desc;
	const char *wrong;

	if (w->next >= w->entries)
		return "next is outside the table (VIRTIO 2.7.5)";
	desc = desc_read(w->table, w->next);
	if (desc.flags & VRING_DESC_F_INDIRECT)
		return walk_indirect(w, &desc);
	/*
	 * One bound stops loops, overlong chains and overlong tables alike,
	 * and keeps us inside iov[].  The one that led to a table is no buffer.
	 */
	if (w->taken++ >= w->q->size)
		return "chain longer than the queue (VIRTIO 2.7.5.3.1)";
	wrong = walk_buffer(w, c, &desc);
	w->next = desc.next;
	w->done = !(desc.flags & VRING_DESC_F_NEXT);
	return wrong;
}

static const char *vq_walk(struct virtqueue *q, struct chain *c)
{
	struct walk w = { .q = q, .table = q->vdesc, .entries = q->size,
			  .next = c->head,
			  .low = &q->d->g->mem.regions[0] };
	const char *wrong = NULL;

	c->nout = c->nin = 0;
	c->out_len = c->in_len = 0;
	while (!w.done && !wrong)
		wrong = walk_step(&w, c);
	c->out = c->iov;
	c->in = c->iov + c->nout;
	return wrong;
}

bool vq_pop(struct virtqueue *q, struct chain *c)
{
	const char *wrong;
	uint16_t waiting;

	if (!q->live)
		return false;
	waiting = load16(&vq_avail(q)->idx) - q->last_avail;
	if (!waiting)
		return false;
	c->head = load16(&vq_avail(q)->ring[q->last_avail & (q->size - 1)]);
	if (waiting > q->size)
		wrong = "avail.idx ran ahead of the queue (VIRTIO 2.7.13.3)";
	else
		wrong = vq_walk(q, c);
	if (wrong) {
		virtio_break(q->d, "queue %u: %s", q->index, wrong);
		return false;
	}
	q->last_avail++;
	q->chains++;
	return true;
}

void vq_unpop(struct virtqueue *q, unsigned n)
{
	q->last_avail -= n;
	q->chains -= n;
}

void vq_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e;

	if (!q->live)
		return;
	e = &vq_used(q)->ring[q->used_idx & (q->size - 1)];
	e->id = head;
	e->len = written;
	store16(&vq_used(q)->idx, ++q->used_idx);
}

void vq_signal(struct virtqueue *q)
{
	uint16_t old = q->signalled;
	bool wanted;

	if (!q->live || q->used_idx == old)
		return;
	/* As in vq_listen(): we published, now look whether it cares. */
	full_barrier();
	q->signalled = q->used_idx;
	if (q->event_idx)
		wanted = vring_need_event(load16(vq_used_event(q)),
					  q->used_idx, old);
	else
		wanted = !(load16(&vq_avail(q)->flags) &
			   VRING_AVAIL_F_NO_INTERRUPT);
	/* An old driver that sleeps until all is done (VIRTIO 6.3). */
	if (q->notify_on_empty && !vq_has_work(q))
		wanted = true;
	if (!wanted)
		return;
	q->interrupts++;
	q->d->g->bus->interrupt(q->d, q);
}
