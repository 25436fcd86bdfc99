/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux/x86 boot protocol: what a bzImage says of itself, and what its
 * loader tells it (Documentation/arch/x86/boot.rst and zero-page.rst).  Names
 * are those of the documentation.
 */
#ifndef ABI_BOOTPARAM_H
#define ABI_BOOTPARAM_H

#include <stddef.h>
#include <stdint.h>

#define BOOT_FLAG		0xaa55
#define BOOT_MAGIC		0x53726448	/* "HdrS" */
#define BOOT_MAGIC_AT		0x202
#define PAYLOAD_TOLD		0x208	/* only since then a header tells */

#define LOADED_HIGH		(1 << 0)	/* loadflags */
#define QUIET_FLAG		(1 << 5)
#define KEEP_SEGMENTS		(1 << 6)
#define CAN_USE_HEAP		(1 << 7)
#define XLF_KERNEL_64		(1 << 0)	/* xloadflags */

#define LOADER_UNDEFINED	0xff		/* type_of_loader */
#define E820_TABLE_MAX		128

/* At 0x1f1 of the file and of struct boot_params alike. */
#define SETUP_HEADER_AT		0x1f1
#define SETUP_HEADER_END	0x290		/* it may grow up to here */

struct setup_header {
	uint8_t setup_sects;		/* of 512 bytes; 0 means 4 */
	uint16_t root_flags;
	uint32_t syssize;		/* of the rest, in 16 bytes */
	uint16_t ram_size, vid_mode, root_dev, boot_flag;
	uint8_t jump, jump_to;		/* the header ends 0x202 + jump_to */
	uint32_t header;		/* BOOT_MAGIC */
	uint16_t version;		/* 0x20f is 2.15 */
	uint32_t realmode_swtch;
	uint16_t start_sys_seg, kernel_version;
	uint8_t type_of_loader, loadflags;
	uint16_t setup_move_size;
	uint32_t code32_start, ramdisk_image, ramdisk_size, bootsect_kludge;
	uint16_t heap_end_ptr;
	uint8_t ext_loader_ver, ext_loader_type;
	uint32_t cmd_line_ptr, initrd_addr_max, kernel_alignment;
	uint8_t relocatable_kernel, min_alignment;
	uint16_t xloadflags;
	uint32_t cmdline_size, hardware_subarch;
	uint64_t hardware_subarch_data;
	uint32_t payload_offset, payload_length;
	uint64_t setup_data, pref_address;
	uint32_t init_size, handover_offset, kernel_info_offset;
} __attribute__((packed));

struct boot_e820_entry {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

/* The "zero page".  What we have nothing to say about has no name here. */
struct boot_params {
	uint8_t screen_info[0x40];
	uint8_t reserved_040[0x30];
	uint64_t acpi_rsdp_addr;
	uint8_t reserved_078[0x168];
	uint32_t alt_mem_k;		/* KiB of RAM above 1 MiB */
	uint8_t reserved_1e4[4];
	uint8_t e820_entries;
	uint8_t reserved_1e9[6];
	uint8_t sentinel;		/* 0, or the kernel distrusts us */
	uint8_t reserved_1f0;
	union {
		struct setup_header hdr;
		uint8_t hdr_bytes[SETUP_HEADER_END - SETUP_HEADER_AT];
	};
	uint8_t reserved_290[0x40];
	struct boot_e820_entry e820_table[E820_TABLE_MAX];
	uint8_t reserved_cd0[0x330];
} __attribute__((packed));

_Static_assert(offsetof(struct boot_params, acpi_rsdp_addr) == 0x70, "");
_Static_assert(offsetof(struct boot_params, alt_mem_k) == 0x1e0, "");
_Static_assert(offsetof(struct boot_params, sentinel) == 0x1ef, "");
_Static_assert(offsetof(struct boot_params, hdr) == SETUP_HEADER_AT, "");
_Static_assert(offsetof(struct boot_params, hdr.header) == BOOT_MAGIC_AT, "");
_Static_assert(offsetof(struct boot_params, hdr.pref_address) == 0x258, "");
_Static_assert(offsetof(struct boot_params, hdr.kernel_info_offset) == 0x268,
	       "");
_Static_assert(offsetof(struct boot_params, e820_table) == 0x2d0, "");
_Static_assert(sizeof(struct boot_params) == 4096, "");

#endif
